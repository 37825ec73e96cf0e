/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables that let packets into tunnels, and the templates of what they send.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/table.h"
#include "dataplane/shm/tunnel.h"
#include "instance.h"

enum { HEAP_SIZE = 128 << 20, ROW = INTERFACE_FIRST_TUNNEL, MANY = 3000 };

struct fixture {
	struct instance instance;
	struct tunnel_table table;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	instance_make(&fixture->instance, HEAP_SIZE);
	assert_int_equal(tunnel_table_open(&fixture->table, fixture->instance.tables,
					   fixture->instance.heap),
			 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	instance_remove(&fixture->instance);
	free(fixture);
	return 0;
}

static struct tunnel make(enum tunnel_mode mode, bool ipv4, uint32_t remote, uint32_t flags,
			  uint32_t id)
{
	struct tunnel tunnel = { .mode = (uint8_t)mode, .flags = flags, .id = id };
	uint8_t base[16] = { 0x20, 0x01 };

	if (ipv4)
		memcpy(base, (const uint8_t[16]){ [10] = 0xff, 0xff, 10 }, 16);
	memcpy(tunnel.local, base, 16);
	tunnel.local[15] = 1;
	if (remote != 0) {
		memcpy(tunnel.remote, base, 16);
		tunnel.remote[13] = (uint8_t)(remote >> 16);
		tunnel.remote[14] = (uint8_t)(remote >> 8);
		tunnel.remote[15] = (uint8_t)remote;
	}
	assert_int_equal(tunnel_template(&tunnel), 0);
	return tunnel;
}

static uint64_t forms(const struct fixture *fixture)
{
	return word_load(&fixture->instance.tables->control.tunnel_forms);
}

static uint64_t entries(const struct fixture *fixture)
{
	return hash_walk(fixture->instance.tables, HASH_TUNNEL_IPV4, NULL, NULL) +
	       hash_walk(fixture->instance.tables, HASH_TUNNEL_IPV6, NULL, NULL);
}

static void keys_are_told_apart(void **state)
{
	struct fixture *fixture = *state;
	struct tunnel tunnels[] = {
		make(TUNNEL_GRE, true, 2, 0, 0),
		make(TUNNEL_GRE, true, 2, TUNNEL_KEY, 0),
		make(TUNNEL_GRE, true, 2, TUNNEL_KEY, 1),
		make(TUNNEL_GRE, true, 0, TUNNEL_KEY, 1),
		make(TUNNEL_GRE, true, 3, 0, 0),
		make(TUNNEL_GRE, false, 2, 0, 0),
		make(TUNNEL_GRETAP, true, 2, 0, 0),
		make(TUNNEL_GRETAP, true, 2, TUNNEL_KEY, 0),
		make(TUNNEL_IPIP, true, 2, 0, 0),
		make(TUNNEL_IPIP, false, 0, 0, 0),
		make(TUNNEL_VXLAN, true, 2, 0, 1),
		make(TUNNEL_VXLAN, true, 2, 0, 2),
	};
	enum { COUNT = sizeof(tunnels) / sizeof(tunnels[0]) };

	assert_int_equal(forms(fixture), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(tunnel_find(fixture->instance.tables, &tunnels[i]), 0);
		assert_int_equal(tunnel_add(&fixture->table, &tunnels[i], ROW + i), 0);
		assert_int_equal(tunnel_add(&fixture->table, &tunnels[i], ROW + i), 0);
		assert_int_equal(tunnel_add(&fixture->table, &tunnels[i], ROW + 100), -EEXIST);
	}
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(tunnel_find(fixture->instance.tables, &tunnels[i]), ROW + i);
	assert_int_equal(forms(fixture),
			 1u << TUNNEL_FORM_GRE | 1u << TUNNEL_FORM_GRE_KEY |
				 1u << TUNNEL_FORM_GRETAP | 1u << TUNNEL_FORM_GRETAP_KEY |
				 1u << TUNNEL_FORM_IPIP | 1u << TUNNEL_FORM_VXLAN |
				 1u << (TUNNEL_FORM_GRE_KEY + TUNNEL_FORM_ANY) |
				 1u << (TUNNEL_FORM_GRE + TUNNEL_FORM_IPV6) |
				 1u << (TUNNEL_FORM_IPIP + TUNNEL_FORM_ANY + TUNNEL_FORM_IPV6));
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(tunnel_remove(&fixture->table, &tunnels[i], ROW + 100), -ENOENT);
		assert_int_equal(tunnel_remove(&fixture->table, &tunnels[i], ROW + i), 0);
		assert_int_equal(tunnel_remove(&fixture->table, &tunnels[i], ROW + i), -ENOENT);
	}
	assert_int_equal(forms(fixture), 0);
	assert_int_equal(entries(fixture), 0);
}

/* A control plane that died: what it let in is counted again, and goes as it came. */
static void a_restart_finds_them_all(void **state)
{
	struct fixture *fixture = *state;
	struct instance *instance = &fixture->instance;

	for (uint32_t i = 0; i < MANY; i++) {
		struct tunnel tunnel =
			make(i % 2 ? TUNNEL_GRE : TUNNEL_VXLAN, i % 3 != 0, i, 0, i % 2 ? 0 : 7);
		assert_int_equal(tunnel_add(&fixture->table, &tunnel, ROW + i), 0);
	}
	uint64_t before = forms(fixture), count = entries(fixture);
	instance_restart_heap(instance);
	assert_int_equal(tables_claim(instance->tables, instance->heap), 0);
	assert_int_equal(hash_claim(instance->tables, instance->heap, HASH_TUNNEL_IPV4), 0);
	assert_int_equal(hash_claim(instance->tables, instance->heap, HASH_TUNNEL_IPV6), 0);
	heap_claimed(instance->heap);
	assert_int_equal(tunnel_table_open(&fixture->table, instance->tables, instance->heap), 0);
	assert_int_equal(forms(fixture), before);
	assert_int_equal(entries(fixture), count);
	for (uint32_t i = 0; i < MANY; i++) {
		struct tunnel tunnel =
			make(i % 2 ? TUNNEL_GRE : TUNNEL_VXLAN, i % 3 != 0, i, 0, i % 2 ? 0 : 7);
		assert_int_equal(tunnel_find(instance->tables, &tunnel), ROW + i);
		assert_int_equal(tunnel_remove(&fixture->table, &tunnel, ROW + i), 0);
	}
	assert_int_equal(forms(fixture), 0);
	assert_int_equal(entries(fixture), 0);
}

static void a_row_claims_its_tunnel(void **state)
{
	struct fixture *fixture = *state;
	struct instance *instance = &fixture->instance;
	struct interface *row = &instance->tables->interface[ROW + 3];
	uint64_t offset = heap_allocate(instance->heap, sizeof(struct tunnel));
	struct tunnel tunnel = make(TUNNEL_GRE, true, 2, 0, 0);

	memcpy(heap_object(instance->heap, offset), &tunnel, sizeof(tunnel));
	word_store(&instance->tables->control.interface_used, ROW + 4);
	word_store(&row->object, offset);
	word_store(&row->flags,
		   INTERFACE_VALID | (uint64_t)INTERFACE_TUNNEL << INTERFACE_KIND_SHIFT);
	instance_restart_heap(instance);
	assert_int_equal(tables_claim(instance->tables, instance->heap), 0);
	assert_int_equal(heap_claim(instance->heap, offset, sizeof(tunnel)), -EEXIST);
	word_store(&row->object, 0); /* valid, and without what it is */
	instance_restart_heap(instance);
	assert_int_equal(tables_claim(instance->tables, instance->heap), -EINVAL);
}

/* Length and first and last bytes of each mode's outer headers. */
static void templates(void **state)
{
	static const struct {
		enum tunnel_mode mode;
		bool ipv4;
		uint32_t flags;
		unsigned int length;
		uint8_t first, last;
	} cases[] = {
		{ TUNNEL_GRE, true, 0, 24, 0x45, 0 },
		{ TUNNEL_GRE, true, TUNNEL_KEY, 28, 0x45, 9 },
		{ TUNNEL_GRE, true, TUNNEL_KEY | TUNNEL_CHECKSUM, 32, 0x45, 9 },
		{ TUNNEL_GRE, false, TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND, 56, 0x60,
		  0 },
		{ TUNNEL_GRETAP, true, 0, 24, 0x45, 0x58 },
		{ TUNNEL_IPIP, true, 0, 20, 0x45, 2 },
		{ TUNNEL_IPIP, false, 0, 40, 0x60, 2 },
		{ TUNNEL_VXLAN, true, 0, 36, 0x45, 0 },
		{ TUNNEL_VXLAN, false, 0, 56, 0x60, 0 },
		{ TUNNEL_PSEUDOWIRE, true, 0, 4, 0, 255 },
		{ TUNNEL_PSEUDOWIRE, true, TUNNEL_CONTROL_WORD, 8, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tunnel tunnel = make(cases[i].mode, cases[i].ipv4, 2, cases[i].flags, 9);
		assert_int_equal(tunnel.header_length, cases[i].length);
		assert_int_equal(tunnel.header[TUNNEL_HEADER_MAX - cases[i].length],
				 cases[i].first);
		assert_int_equal(tunnel.header[TUNNEL_HEADER_MAX - 1], cases[i].last);
	}
	struct tunnel wrong = make(TUNNEL_GRE, true, 2, 0, 0);
	memset(wrong.remote, 0x20, sizeof(wrong.remote));
	assert_int_equal(tunnel_template(&wrong), -EINVAL);
	wrong = make(TUNNEL_IPIP, true, 2, 0, 0);
	wrong.flags = TUNNEL_KEY;
	assert_int_equal(tunnel_template(&wrong), -EINVAL);
	wrong.flags = 0;
	wrong.mode = TUNNEL_MODES;
	assert_int_equal(tunnel_template(&wrong), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_finds_them_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_row_claims_its_tunnel, set_up, tear_down),
		cmocka_unit_test(templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
