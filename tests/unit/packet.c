/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/punt.h"
#include "dataplane/shm/reason.h"
#include "dataplane/shm/ring.h"
#include "packet.h"

uint64_t test_time;

static uint64_t stopped(void)
{
	return test_time;
}

void addresses_preferred(struct fixture *f)
{
	struct address_object *object;

	DL_FOREACH2(f->model->addresses, object, all_next)
	object->state = ADDRESS_PREFERRED;
	f->model->tentative = 0;
}

void clock_stop(struct fixture *f)
{
	test_time = model_now(f->model);
	f->model->clock = stopped;
	addresses_preferred(f);
}

void clock_advance(struct fixture *f, double seconds)
{
	for (unsigned int i = 0; i < (unsigned int)(seconds * 10 + 0.5); i++) {
		test_time += NEIGHBOUR_TICK_NS;
		punt_poll(f->model);
	}
}

size_t bytes(const char *text, uint8_t *frame)
{
	size_t digits = 0;

	for (; *text != 0; text++) {
		if (!isxdigit((unsigned char)*text))
			continue;
		unsigned int value = isdigit((unsigned char)*text)
					     ? (unsigned int)(*text - '0')
					     : (unsigned int)(tolower(*text) - 'a' + 10);
		if (digits % 2 == 0)
			frame[digits / 2] = (uint8_t)(value << 4);
		else
			frame[digits / 2] |= (uint8_t)value;
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	return digits / 2;
}

static struct frame_slot *reserve(struct fixture *f)
{
	struct frame_slot *slot = ring_reserve(&f->instance.state->punt[0],
					       &model_tables(f->model)->punt_consumer[0]);

	assert_non_null(slot);
	slot->nexthop = 0;
	slot->ethertype = 0;
	slot->l3_offset = 0;
	return slot;
}

void punt_bytes(struct fixture *f, uint32_t reason, uint32_t interface, uint32_t l3_offset,
		const uint8_t *frame, size_t length)
{
	struct frame_slot *slot = reserve(f);

	slot->length = (uint32_t)length;
	slot->interface = interface;
	slot->reason = reason;
	slot->l3_offset = l3_offset;
	memcpy(slot->data, frame, length);
	ring_publish(&f->instance.state->punt[0]);
	assert_int_equal(punt_poll(f->model), 1);
}

void punt_text(struct fixture *f, uint32_t reason, uint32_t interface, uint32_t l3_offset,
	       const char *text)
{
	uint8_t frame[2048];

	punt_bytes(f, reason, interface, l3_offset, frame, bytes(text, frame));
}

void punt_long(struct fixture *f, uint32_t interface, const uint8_t *packet, size_t length,
	       uint32_t nexthop, uint32_t ethertype)
{
	struct frame_slot *slot = reserve(f);

	slot->length = (uint32_t)length;
	slot->interface = interface;
	slot->reason = PUNT_mtu_exceeded;
	slot->nexthop = nexthop;
	slot->ethertype = ethertype;
	memcpy(slot->data, packet, length);
	ring_publish(&f->instance.state->punt[0]);
	assert_int_equal(punt_poll(f->model), 1);
}

const struct frame_slot *injected(struct fixture *f)
{
	struct ring_consumer *consumer = &f->instance.state->inject_consumer[0];
	const struct frame_slot *slot = ring_peek(&model_tables(f->model)->inject[0], consumer);

	if (slot != NULL)
		ring_release(consumer);
	return slot;
}

static void print_frame(const char *what, const uint8_t *frame, size_t length)
{
	fprintf(stderr, "%s (%zu):", what, length);
	for (size_t i = 0; i < length; i++)
		fprintf(stderr, "%s%02x", i % 16 == 0 ? "\n  " : " ", frame[i]);
	fprintf(stderr, "\n");
}

void expect_frame(struct fixture *f, uint32_t interface, const char *text)
{
	uint8_t expected[2048] = { 0 };
	size_t length = bytes(text, expected);
	const struct frame_slot *slot = injected(f);

	if (slot == NULL)
		fail_msg("nothing injected, expected %s", text);
	assert_int_equal(slot->interface, interface);
	bool padded = slot->length == 60 && length < 60;
	if ((slot->length != length && !padded) ||
	    memcmp(slot->data, expected, slot->length) != 0) {
		print_frame("expected", expected, length);
		print_frame("injected", slot->data, slot->length);
		fail();
	}
}

void expect_nothing(struct fixture *f)
{
	const struct frame_slot *slot = injected(f);

	if (slot == NULL)
		return;
	print_frame("injected", slot->data, slot->length);
	fail();
}

void skip_frames(struct fixture *f)
{
	punt_poll(f->model);
	while (injected(f) != NULL)
		;
}

void ip_checksums(uint8_t *packet, size_t length)
{
	if (packet[0] >> 4 == 6) {
		if (packet[6] != 58)
			return;
		store16(packet + 42, 0);
		store16(packet + 42, icmp6_checksum(packet + 8, packet + 40, length - 40));
		return;
	}
	size_t header = (packet[0] & 0xfu) * 4;
	if (header < 20 || header > length)
		return;
	store16(packet + 10, 0);
	store16(packet + 10, checksum(packet, header));
	if (packet[9] != 1 || length < header + 8)
		return;
	store16(packet + header + 2, 0);
	store16(packet + header + 2, checksum(packet + header, length - header));
}

/* In memory that ends where the frame does. */
static void dispatch_alone(struct fixture *f, uint32_t reason, uint32_t l3_offset,
			   const uint8_t *frame, size_t length)
{
	size_t head = offsetof(struct frame_slot, data);
	struct frame_slot *slot = malloc(head + length + (length == 0));

	assert_non_null(slot);
	memset(slot, 0, head);
	slot->length = (uint32_t)length;
	slot->reason = reason;
	slot->l3_offset = l3_offset;
	slot->ethertype = l3_offset == 0 ? 0x8847 : 0;
	slot->nexthop = l3_offset == 0;
	memcpy((uint8_t *)slot + head, frame, length);
	punt_dispatch(f->model, slot);
	free(slot);
}

void punt_mutations(struct fixture *f, uint32_t reason, uint32_t l3_offset, const uint8_t *frame,
		    size_t length)
{
	static const uint8_t values[] = { 0,    1,    2,    0x3f, 0x40, 0x45, 0x4f,
					  0x60, 0x7f, 0x80, 0xf0, 0xfe, 0xff };
	uint8_t copy[2048];

	for (size_t cut = 0; cut <= length; cut++)
		dispatch_alone(f, reason, l3_offset, frame, cut);
	for (size_t at = 0; at < length; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			memcpy(copy, frame, length);
			copy[at] = values[i];
			dispatch_alone(f, reason, l3_offset, copy, length);
			/* and with the checksums that it takes to get further */
			if (length >= l3_offset + 48 && at != l3_offset && copy[l3_offset] >= 0x45)
				ip_checksums(copy + l3_offset, length - l3_offset);
			dispatch_alone(f, reason, l3_offset, copy, length);
		}
		skip_frames(f);
	}
}
