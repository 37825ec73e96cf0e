/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames up and down: the punt rings, ARP, the inject rings, going to sleep.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/model.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/punt.h"
#include "dataplane/shm/reason.h"
#include "dataplane/shm/ring.h"
#include "model-fixture.h"

/* who-has 10.0.0.1 tell 10.0.0.2 */
static const uint8_t request[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	1,    2,    0,    0,    0,    0,    2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1,
};
static const uint8_t reply[60] = {
	2, 0, 0, 0, 0, 2, 2,    0,  0, 0, 0, 0x10, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	2, 2, 0, 0, 0, 0, 0x10, 10, 0, 0, 1, 2,    0, 0, 0, 0, 2, 10, 0, 0, 2,
};
static const uint8_t announcement[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,  0, 0, 0, 0x10, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	1,    2,    0,    0,    0,    0,    0x10, 10, 0, 0, 1, 0,    0, 0, 0, 0, 0, 10, 0, 0, 1,
};

static void punt_frame(struct fixture *f, uint32_t reason, uint32_t interface, uint32_t l3_offset,
		       const void *frame, uint32_t length)
{
	struct ring_producer *producer = &f->instance.state->punt[0];
	struct frame_slot *slot = ring_reserve(producer, &model_tables(f->model)->punt_consumer[0]);

	assert_non_null(slot);
	slot->length = length;
	slot->interface = interface;
	slot->reason = reason;
	slot->l3_offset = l3_offset;
	if (length <= FRAME_MAX)
		memcpy(slot->data, frame, length);
	ring_publish(producer);
}

/* The next frame that was injected, or NULL. */
static const struct frame_slot *injected(struct fixture *f)
{
	struct ring_consumer *consumer = &f->instance.state->inject_consumer[0];
	const struct frame_slot *slot = ring_peek(&model_tables(f->model)->inject[0], consumer);

	if (slot != NULL)
		ring_release(consumer);
	return slot;
}

static void expect(struct fixture *f, uint32_t interface, const uint8_t *frame, uint32_t length)
{
	const struct frame_slot *slot = injected(f);

	assert_non_null(slot);
	assert_int_equal(slot->interface, interface);
	assert_int_equal(slot->length, length);
	assert_memory_equal(slot->data, frame, length);
}

/* What is announced when the ports come up. */
static void skip_announcements(struct fixture *f)
{
	punt_poll(f->model);
	while (injected(f) != NULL)
		;
}

static void addresses_are_announced_once(void **state)
{
	struct fixture *f = *state;

	punt_poll(f->model);
	expect(f, 0, announcement, 60);
	assert_non_null(injected(f)); /* p1's */
	assert_null(injected(f));
	punt_poll(f->model);
	assert_null(injected(f));
	dataplane_answers(f, 0, port_macs[0], false);
	punt_poll(f->model);
	assert_null(injected(f));
	dataplane_answers(f, 0, port_macs[0], true);
	punt_poll(f->model);
	expect(f, 0, announcement, 60);
	assert_null(injected(f));
}

static void frames_go_to_workers_that_run(void **state)
{
	struct fixture *f = *state;

	skip_announcements(f);
	/* there were four in an earlier data plane: their counters count still, nobody takes frames */
	word_store(&f->instance.state->control.worker_count, 4);
	word_store(&f->instance.state->control.interfaces_ready, INTERFACE_FIRST_TUNNEL);
	model_poll(f->model);
	assert_int_equal(inject_frame(f->model, 1, request, sizeof(request)), 0);
	expect(f, 1, request, sizeof(request));
}

static void requests_are_answered(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[sizeof(request)];

	skip_announcements(f);
	punt_frame(f, PUNT_arp, 0, 14, request, sizeof(request));
	assert_int_equal(punt_poll(f->model), 1);
	expect(f, 0, reply, 60);
	assert_null(injected(f));

	struct {
		const char *what;
		size_t at;
		uint8_t value;
	} cases[] = {
		{ "other target", 41, 9 },         { "a reply", 21, 2 },
		{ "not Ethernet", 15, 6 },         { "not IPv4", 16, 0x86 },
		{ "hardware size", 18, 8 },        { "protocol size", 19, 16 },
		{ "from a multicast MAC", 22, 3 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(frame, request, sizeof(frame));
		frame[cases[i].at] = cases[i].value;
		punt_frame(f, PUNT_arp, 0, 14, frame, sizeof(frame));
		assert_int_equal(punt_poll(f->model), 1);
		if (injected(f) != NULL)
			fail_msg("answered: %s", cases[i].what);
	}
	/* another interface's address is not this one's to answer for */
	punt_frame(f, PUNT_arp, 1, 14, request, sizeof(request));
	punt_frame(f, PUNT_arp, 77, 14, request, sizeof(request));
	punt_frame(f, PUNT_arp, 0, 14, request, sizeof(request) - 1);
	punt_frame(f, PUNT_arp, 0, 4000, request, sizeof(request));
	punt_frame(f, PUNT_arp, INTERFACE_MAX, 14, request, sizeof(request));
	punt_frame(f, PUNT_arp, 0, 14, request, FRAME_MAX + 1);
	punt_frame(f, 999, 0, 14, request, sizeof(request));
	assert_int_equal(punt_poll(f->model), 7);
	assert_null(injected(f));
	say(f, "port set p0 down");
	punt_frame(f, PUNT_arp, 0, 14, request, sizeof(request));
	punt_poll(f->model);
	assert_null(injected(f));
}

static void vlan_reply_has_its_tags(void **state)
{
	static const uint8_t vlan_request[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  2, 0x81, 0, 0xa0, 10,
		8,    6,    0,    1,    8,    0,    6, 4, 0, 1, 2,  0, 0,    0, 0,    2,
		10,   7,    0,    2,    0,    0,    0, 0, 0, 0, 10, 7, 0,    1,
	};
	static const uint8_t vlan_reply[60] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0,    0,  0, 0x10, 0x81, 0, 0, 10, 8, 6, 0, 1,  8, 0, 6,
		4, 0, 2, 2, 0, 0, 0, 0, 0x10, 10, 7, 0,    1,    2, 0, 0,  0, 0, 2, 10, 7, 0, 2,
	};
	struct fixture *f = *state;

	say(f, "vlan add v10 dev p0 tag 10");
	say(f, "address add 10.7.0.1/24 dev v10");
	skip_announcements(f);
	punt_frame(f, PUNT_arp, PORT_MAX, 18, vlan_request, sizeof(vlan_request));
	assert_int_equal(punt_poll(f->model), 1);
	expect(f, PORT_MAX, vlan_reply, 60);
}

static void full_ring_is_counted(void **state)
{
	struct fixture *f = *state;

	skip_announcements(f);
	for (int i = 0; i < RING_SLOTS; i++)
		assert_int_equal(inject_frame(f->model, 0, request, sizeof(request)), 0);
	assert_int_equal(inject_frame(f->model, 0, request, sizeof(request)), -ENOBUFS);
	assert_int_equal(f->model->inject_full, 1);
	assert_int_equal(inject_frame(f->model, 0, request, FRAME_MAX + 1), -EMSGSIZE);
	while (injected(f) != NULL)
		;
	dataplane_end(f);
	model_poll(f->model);
	assert_int_equal(inject_frame(f->model, 0, request, sizeof(request)), -ENOTCONN);
}

static void sleeping_looks_again(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);

	skip_announcements(f);
	assert_true(model_sleep(f->model, true));
	assert_int_equal(tables->control.sleeping, 1);
	assert_true(model_sleep(f->model, false));
	assert_int_equal(tables->control.sleeping, 0);
	punt_frame(f, PUNT_mpls_ttl_exceeded, 0, 14, request, sizeof(request));
	assert_false(model_sleep(f->model, true));
	assert_int_equal(tables->control.sleeping, 0);
	assert_int_equal(punt_poll(f->model), 1);
	assert_true(model_sleep(f->model, true));
	assert_int_equal(f->model->punted[PUNT_mpls_ttl_exceeded], 1);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(addresses_are_announced_once), IN_PORTS(requests_are_answered),
		IN_PORTS(vlan_reply_has_its_tags),      IN_PORTS(full_ring_is_counted),
		IN_PORTS(sleeping_looks_again),         IN_PORTS(frames_go_to_workers_that_run),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
