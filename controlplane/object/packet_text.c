/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include "controlplane/protocol/bytes.h"

enum {
	HEADERS_MAX = 24, /* that are looked at, labels apart */
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_UPSTREAM = 0x8848,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_ARP = 0x0806,
	TYPE_ETHERNET = 0x6558, /* in GRE */
	TYPE_NONE = -1,         /* nothing more to say */
	TYPE_BELOW_LABELS = -2, /* its first nibble tells */
	PORT_VXLAN = 4789,
	IPPROTO_GRE_IN_IP = 47,
};

struct walk {
	const uint8_t *at, *end;
	char *text;
	size_t used;
	int type;     /* Ethertype of what is at `at`, or TYPE_... */
	int protocol; /* IP protocol of it, or -1: `type` says it */
};

static size_t left(const struct walk *walk)
{
	return (size_t)(walk->end - walk->at);
}

static void __attribute__((format(printf, 2, 3))) say(struct walk *walk, const char *format, ...)
{
	size_t room = PACKET_TEXT_SIZE - walk->used;
	va_list arguments;

	if (walk->used == 0 && format[0] == ' ')
		format++;
	va_start(arguments, format);
	int length = vsnprintf(walk->text + walk->used, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		walk->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* The frame ends within this header. */
static void cut(struct walk *walk)
{
	say(walk, " ...");
	walk->type = TYPE_NONE;
	walk->protocol = -1;
}

static void stop(struct walk *walk)
{
	walk->type = TYPE_NONE;
	walk->protocol = -1;
}

static void say_addresses(struct walk *walk, int family, const uint8_t *source,
			  const uint8_t *destination)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(family, source, from, sizeof(from));
	inet_ntop(family, destination, to, sizeof(to));
	say(walk, " %s > %s", from, to);
}

/* ---------------------------------------------------------------- link layer */

static void ethernet(struct walk *walk)
{
	const uint8_t *at = walk->at;

	if (left(walk) < 14) {
		cut(walk);
		return;
	}
	say(walk, " %02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", at[6], at[7],
	    at[8], at[9], at[10], at[11], at[0], at[1], at[2], at[3], at[4], at[5]);
	walk->type = load16(at + 12);
	walk->at += 14;
}

static void tag(struct walk *walk)
{
	if (left(walk) < 4) {
		cut(walk);
		return;
	}
	say(walk, " vlan %u", load16(walk->at) & 0xfffu);
	walk->type = load16(walk->at + 2);
	walk->at += 4;
}

/* Label stack entries (RFC 3032 2.1): labels, and traffic class and TTL of the top one. */
static void labels(struct walk *walk)
{
	uint32_t entry = 0, top = 0;

	for (bool first = true; first || !(entry >> 8 & 1); first = false, walk->at += 4) {
		if (left(walk) < 4) {
			cut(walk);
			return;
		}
		entry = load32(walk->at);
		say(walk, first ? " mpls %u" : "/%u", entry >> 12);
		if (first)
			top = entry;
	}
	say(walk, " tc %u ttl %u", top >> 9 & 7, top & 0xff);
	walk->type = TYPE_BELOW_LABELS;
}

/* RFC 4928 3: the first nibble of IP is its version; all else is not known. */
static void below_labels(struct walk *walk)
{
	unsigned int nibble = left(walk) > 0 ? walk->at[0] >> 4 : 0;

	walk->type = nibble == 4 ? TYPE_IPV4 : nibble == 6 ? TYPE_IPV6 : TYPE_NONE;
}

static void arp(struct walk *walk)
{
	const uint8_t *at = walk->at;

	stop(walk);
	if (left(walk) < 28) {
		say(walk, " arp");
		cut(walk);
		return;
	}
	unsigned int operation = load16(at + 6);
	say(walk, " arp %s", operation == 1 ? "request" : operation == 2 ? "reply" : "?");
	say_addresses(walk, AF_INET, at + 14, at + 24);
}

/* ---------------------------------------------------------------- IP */

static void ipv4(struct walk *walk)
{
	const uint8_t *at = walk->at;
	size_t header = left(walk) > 0 ? (at[0] & 0xfu) * 4 : 0;

	say(walk, " ipv4");
	if (left(walk) < 20 || header < 20 || left(walk) < header) {
		cut(walk);
		return;
	}
	say_addresses(walk, AF_INET, at + 12, at + 16);
	say(walk, " ttl %u", at[8]);
	unsigned int fragment = load16(at + 6);
	walk->at += header;
	walk->protocol = at[9];
	if (fragment & 0x3fff)
		say(walk, " fragment %u%s", (fragment & 0x1fff) * 8, fragment & 0x2000 ? "+" : "");
	if (fragment & 0x1fff) {
		say(walk, " protocol %u", at[9]);
		stop(walk);
	}
}

static void ipv6(struct walk *walk)
{
	const uint8_t *at = walk->at;

	say(walk, " ipv6");
	if (left(walk) < 40) {
		cut(walk);
		return;
	}
	say_addresses(walk, AF_INET6, at + 8, at + 24);
	say(walk, " ttl %u", at[7]);
	walk->protocol = at[6];
	walk->at += 40;
}

/* Hop-by-hop, routing, destination (RFC 8200 4.3 to 4.6). */
static void extension(struct walk *walk)
{
	if (left(walk) < 8 || left(walk) < (walk->at[1] + 1u) * 8) {
		cut(walk);
		return;
	}
	walk->protocol = walk->at[0];
	walk->at += (walk->at[1] + 1u) * 8;
}

static void fragment(struct walk *walk)
{
	if (left(walk) < 8) {
		cut(walk);
		return;
	}
	unsigned int word = load16(walk->at + 2);
	walk->protocol = walk->at[0];
	say(walk, " fragment %u%s", word & 0xfff8u, word & 1 ? "+" : "");
	if (word & 0xfff8) {
		say(walk, " protocol %u", walk->protocol);
		stop(walk);
	}
	walk->at += 8;
}

/* ---------------------------------------------------------------- layer 4 and tunnels */

static void ports(struct walk *walk, const char *name)
{
	say(walk, " %s", name);
	if (left(walk) < 4) {
		cut(walk);
		return;
	}
	unsigned int source = load16(walk->at), destination = load16(walk->at + 2);
	say(walk, " %u > %u", source, destination);
	bool vxlan = walk->protocol == IPPROTO_UDP && destination == PORT_VXLAN;
	stop(walk);
	if (!vxlan)
		return;
	if (left(walk) < 16) {
		cut(walk);
		return;
	}
	say(walk, " vni %u", load32(walk->at + 12) >> 8);
	walk->at += 16;
	walk->type = TYPE_ETHERNET;
}

/* RFC 2784, 2890 */
static void gre(struct walk *walk)
{
	say(walk, " gre");
	if (left(walk) < 4) {
		cut(walk);
		return;
	}
	unsigned int flags = load16(walk->at);
	size_t checksum = flags & 0x8000 ? 4 : 0, key = flags & 0x2000 ? 4 : 0;
	size_t length = 4 + checksum + key + (flags & 0x1000 ? 4 : 0);
	walk->type = load16(walk->at + 2);
	walk->protocol = -1;
	if (left(walk) < length) {
		cut(walk);
		return;
	}
	if (key)
		say(walk, " key %u", load32(walk->at + 4 + checksum));
	walk->at += length;
}

static void icmp(struct walk *walk, const char *name)
{
	say(walk, " %s", name);
	if (left(walk) < 2) {
		cut(walk);
		return;
	}
	say(walk, " type %u code %u", walk->at[0], walk->at[1]);
	stop(walk);
}

static void above_ip(struct walk *walk)
{
	switch (walk->protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		extension(walk);
		break;
	case IPPROTO_FRAGMENT:
		fragment(walk);
		break;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		walk->type = walk->protocol == IPPROTO_IPIP ? TYPE_IPV4 : TYPE_IPV6;
		walk->protocol = -1;
		break;
	case IPPROTO_GRE_IN_IP:
		gre(walk);
		break;
	case IPPROTO_TCP:
		ports(walk, "tcp");
		break;
	case IPPROTO_UDP:
		ports(walk, "udp");
		break;
	case IPPROTO_ICMP:
		icmp(walk, "icmp");
		break;
	case IPPROTO_ICMPV6:
		icmp(walk, "icmp6");
		break;
	default:
		say(walk, " protocol %d", walk->protocol);
		stop(walk);
	}
}

static void by_type(struct walk *walk)
{
	switch (walk->type) {
	case TYPE_VLAN:
	case TYPE_QINQ:
		tag(walk);
		break;
	case TYPE_MPLS:
	case TYPE_MPLS_UPSTREAM:
		labels(walk);
		break;
	case TYPE_BELOW_LABELS:
		below_labels(walk);
		break;
	case TYPE_IPV4:
		ipv4(walk);
		break;
	case TYPE_IPV6:
		ipv6(walk);
		break;
	case TYPE_ARP:
		arp(walk);
		break;
	case TYPE_ETHERNET:
		ethernet(walk);
		break;
	default:
		say(walk, walk->type < 1536 ? " llc, length %d" : " ethertype 0x%04x", walk->type);
		stop(walk);
	}
}

void packet_text(const uint8_t *frame, size_t length, enum packet_start start,
		 char text[PACKET_TEXT_SIZE])
{
	static const int types[] = { TYPE_ETHERNET, TYPE_MPLS, TYPE_BELOW_LABELS };
	struct walk walk = {
		.at = frame,
		.end = frame + length,
		.text = text,
		.type = types[start],
		.protocol = -1,
	};

	text[0] = '\0';
	for (int i = 0; i < HEADERS_MAX && (walk.type != TYPE_NONE || walk.protocol >= 0); i++) {
		if (walk.protocol >= 0)
			above_ip(&walk);
		else
			by_type(&walk);
	}
}
