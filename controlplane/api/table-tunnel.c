/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table-tunnel.c: the parameters of tunnels' and pseudowires' commands.
 */
#include "controlplane/api/parameter.h"

static const char *const mode_words[] = { "gre", "gretap", "ipip", "vxlan", NULL };
static const char *const any_words[] = { "any", NULL };
static const char *const inherit_words[] = { "inherit", NULL };
static const char *const off_words[] = { "off", NULL };
static const char *const sequence_words[] = { "strict", "window", "send", "off", NULL };
static const char *const df_words[] = { "inherit", "set", "clear", NULL };

#define KEEPALIVE                                                                                  \
	{                                                                                          \
		.name = "keepalive", .type = VALUE_DURATION, .flags = PARAMETER_BARE,              \
		.minimum = 100000000ull, .maximum = KEEPALIVE_MAX_NS, .usual = KEEPALIVE_USUAL_NS, \
		.words = off_words,                                                                \
		.help = "time between GRE keepalives, which the remote end sends back"             \
	}

/* What `set` can change as well. */
#define CHANGEABLE                                                                                 \
	[TUNNEL_PARAMETER_CHECKSUM] = { .name = "checksum",                                        \
					.type = VALUE_ON_OFF,                                      \
					.flags = PARAMETER_BARE,                                   \
					.usual = 1,                                                \
					.help = "send checksums; those that come are verified "    \
						"anyway" },                                        \
	[TUNNEL_PARAMETER_SEQUENCE] = { .name = "sequence",                                        \
					.type = VALUE_WORD,                                        \
					.flags = PARAMETER_BARE,                                   \
					.words = sequence_words,                                   \
					.usual = SEQUENCE_WORD_STRICT,                             \
					.help = "number what is sent; refuse what is not newer "   \
						"(strict), or came already or much too late "      \
						"(window)" },                                      \
	[TUNNEL_PARAMETER_TTL] = { .name = "ttl",                                                  \
				   .type = VALUE_UNSIGNED,                                         \
				   .minimum = 1,                                                   \
				   .maximum = TTL_MAX,                                             \
				   .words = inherit_words,                                         \
				   .help = "TTL outside, 64 if left out; inherit: of the packet "  \
					   "inside" },                                             \
	[TUNNEL_PARAMETER_DSCP] = { .name = "dscp",                                                \
				    .type = VALUE_UNSIGNED,                                        \
				    .maximum = DSCP_MAX,                                           \
				    .words = inherit_words,                                        \
				    .help = "DSCP outside, that of the packet inside if left "     \
					    "out" },                                               \
	[TUNNEL_PARAMETER_DF] =                                                                    \
		WORDS("df", 0, df_words, "don't-fragment bit outside, inherit if left out"),       \
	[TUNNEL_PARAMETER_FRAGMENT] = { .name = "fragment",                                        \
					.type = VALUE_ON_OFF,                                      \
					.help = "fragment outside what is too long" },             \
	[TUNNEL_PARAMETER_KEEPALIVE] = KEEPALIVE,                                                  \
	[TUNNEL_PARAMETER_RETRIES] = NUMBER("retries", 0, 1, 255,                                  \
					    "keepalives without answer before the tunnel is "      \
					    "down, 3 if left out"),                                \
	[TUNNEL_PARAMETER_MSS] = { .name = "tcp-mss-clamp",                                        \
				   .type = VALUE_UNSIGNED,                                         \
				   .minimum = 64,                                                  \
				   .maximum = MSS_MAX,                                             \
				   .words = off_words,                                             \
				   .help = "TCP inside agrees on segments of at most so many "     \
					   "bytes" },                                              \
	[TUNNEL_PARAMETER_MTU] = NUMBER("mtu", 0, MTU_MIN, MTU_MAX,                                \
					"bytes of a packet inside; left out: what fits outside"),  \
	[TUNNEL_PARAMETER_MPLS] = MPLS_ON_OFF,                                                     \
	[TUNNEL_PARAMETER_SPACE] = SPACE("label space of what comes in here"),                     \
	BRIDGE_MEMBER(TUNNEL_PARAMETER)

const struct parameter tunnel_add_parameters[] = {
	[TUNNEL_PARAMETER_NAME] =
		OBJECT_NAME(KEY, NULL, "name of the new tunnel, unique in the instance"),
	[TUNNEL_PARAMETER_MODE] =
		WORDS("mode", PARAMETER_REQUIRED, mode_words,
		      "gre and ipip carry packets, gretap and vxlan Ethernet for a bridge"),
	[TUNNEL_PARAMETER_LOCAL] = { .name = "local",
				     .type = VALUE_ADDRESS,
				     .flags = PARAMETER_REQUIRED,
				     .help = "our address, in the outer vrf" },
	[TUNNEL_PARAMETER_REMOTE] = { .name = "remote",
				      .type = VALUE_ADDRESS,
				      .flags = PARAMETER_REQUIRED,
				      .words = any_words,
				      .help = "the other end's; any: take from everybody" },
	[TUNNEL_PARAMETER_KEY] =
		NUMBER("key", 0, 0, UINT32_MAX, "GRE key (RFC 2890); none is not 0"),
	[TUNNEL_PARAMETER_VNI] = NUMBER("vni", 0, 0, 0xffffff, "VXLAN network identifier"),
	CHANGEABLE,
	[TUNNEL_PARAMETER_VRF] = VRF("routing table of the packets inside"),
	[TUNNEL_PARAMETER_OUTER_VRF] =
		NUMBER("outer-vrf", 0, 0, VRF_MAX - 1, "routing table of the addresses outside"),
	[TUNNEL_PARAMETER_RPF] = RPF,
	[TUNNEL_PARAMETER_ADMIN] = ADMIN,
	[TUNNEL_PARAMETER_ADMIN + 1] = { .name = NULL },
};

const struct parameter tunnel_set_parameters[] = {
	[TUNNEL_PARAMETER_NAME] = OBJECT_NAME(KEY, "tunnel", "the tunnel"),
	[TUNNEL_PARAMETER_MODE] = NOT_HERE,
	[TUNNEL_PARAMETER_LOCAL] = NOT_HERE,
	[TUNNEL_PARAMETER_REMOTE] = NOT_HERE,
	[TUNNEL_PARAMETER_KEY] = NOT_HERE,
	[TUNNEL_PARAMETER_VNI] = NOT_HERE,
	CHANGEABLE,
	[TUNNEL_PARAMETER_VRF] = NOT_HERE,
	[TUNNEL_PARAMETER_OUTER_VRF] = NOT_HERE,
	[TUNNEL_PARAMETER_RPF] = RPF,
	[TUNNEL_PARAMETER_ADMIN] = ADMIN,
	[TUNNEL_PARAMETER_ADMIN + 1] = { .name = NULL },
};

const struct parameter tunnel_del_parameters[] = { OBJECT_NAME(KEY, "tunnel", "the tunnel"),
						   { .name = NULL } };
const struct parameter tunnel_show_parameters[] = {
	OBJECT_NAME(PARAMETER_KEY, "tunnel", "only this one"), { .name = NULL }
};

/* ---------------------------------------------------------------- pseudowires */

#define PSEUDOWIRE_MTU_NUMBER                                                                      \
	NUMBER("mtu", 0, MTU_MIN, MTU_MAX,                                                         \
	       "bytes of a frame after its Ethernet header; left out: what fits outside")

const struct parameter pseudowire_add_parameters[] = {
	[PSEUDOWIRE_NAME] =
		OBJECT_NAME(KEY, NULL, "name of the new pseudowire, unique in the instance"),
	BRIDGE_MEMBER(PSEUDOWIRE),
	[PSEUDOWIRE_IN] = { .name = "in",
			    .type = VALUE_LABEL,
			    .flags = PARAMETER_REQUIRED,
			    .minimum = LABEL_FIRST_FREE,
			    .maximum = LABEL_COUNT - 1,
			    .help = "label of what comes from the other end" },
	[PSEUDOWIRE_SPACE] = SPACE("label space of the incoming label"),
	[PSEUDOWIRE_OUT] = { .name = "out",
			     .type = VALUE_STACK,
			     .flags = PARAMETER_REQUIRED,
			     .help = "labels to the other end: its own is the innermost" },
	[PSEUDOWIRE_VIA] = { .name = "via",
			     .type = VALUE_ADDRESS,
			     .help = "nexthop on a connected network" },
	[PSEUDOWIRE_DEV] =
		DEV(0, INTERFACES, "interface to leave by; left out: the connected network's"),
	[PSEUDOWIRE_CONTROL_WORD] = { .name = "control-word",
				      .type = VALUE_FLAG,
				      .help = "a control word below the label, both ways (RFC "
					      "4385)" },
	[PSEUDOWIRE_MTU] = PSEUDOWIRE_MTU_NUMBER,
	[PSEUDOWIRE_ADMIN] = ADMIN,
	[PSEUDOWIRE_ADMIN + 1] = { .name = NULL },
};

const struct parameter pseudowire_set_parameters[] = {
	[PSEUDOWIRE_NAME] = OBJECT_NAME(KEY, "pseudowire", "the pseudowire"),
	BRIDGE_MEMBER(PSEUDOWIRE),
	[PSEUDOWIRE_IN] = NOT_HERE,
	[PSEUDOWIRE_SPACE] = NOT_HERE,
	[PSEUDOWIRE_OUT] = NOT_HERE,
	[PSEUDOWIRE_VIA] = NOT_HERE,
	[PSEUDOWIRE_DEV] = NOT_HERE,
	[PSEUDOWIRE_CONTROL_WORD] = NOT_HERE,
	[PSEUDOWIRE_MTU] = PSEUDOWIRE_MTU_NUMBER,
	[PSEUDOWIRE_ADMIN] = ADMIN,
	[PSEUDOWIRE_ADMIN + 1] = { .name = NULL },
};

const struct parameter pseudowire_del_parameters[] = {
	OBJECT_NAME(KEY, "pseudowire", "the pseudowire"), { .name = NULL }
};
const struct parameter pseudowire_show_parameters[] = {
	OBJECT_NAME(PARAMETER_KEY, "pseudowire", "only this one"), { .name = NULL }
};
