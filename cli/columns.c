/* SPDX-License-Identifier: BSD-3-Clause
 *
 * columns.c: which members of a result stand in which column.
 */
#include "cli/render.h"

#define RIGHT COLUMN_RIGHT
#define STATISTICS (COLUMN_RIGHT | COLUMN_STATISTICS)

static const struct column port[] = {
	{ "NAME", "name", 0, NULL },
	{ "MAC", "mac", 0, NULL },
	{ "MTU", "mtu", RIGHT, NULL },
	{ "ADMIN", "admin", 0, NULL },
	{ "LINK", "link", 0, NULL },
	{ "SPEED", "speed", RIGHT, NULL },
	{ "MPLS", "mpls", 0, NULL },
	{ "SPACE", "space", RIGHT, NULL },
	{ "VRF", "vrf", RIGHT, NULL },
	{ "FLAPS", "flaps", STATISTICS, NULL },
	{ "DRIVER", "driver", 0, NULL },
	{ "CONDITION", "condition", 0, NULL },
	{ "ERROR", "error", 0, NULL },
	{ "DEVARGS", "devargs", COLUMN_STATISTICS, NULL },
	{ "RX PACKETS", "rx_packets", STATISTICS, NULL },
	{ "RX BYTES", "rx_bytes", STATISTICS, NULL },
	{ "RX MISSED", "rx_missed", STATISTICS, NULL },
	{ "RX ERRORS", "rx_errors", STATISTICS, NULL },
	{ "TX PACKETS", "tx_packets", STATISTICS, NULL },
	{ "TX BYTES", "tx_bytes", STATISTICS, NULL },
	{ "DROPS", "drops", COLUMN_STATISTICS, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct column vlan[] = {
	{ "NAME", "name", 0, NULL },
	{ "DEV", "dev", 0, NULL },
	{ "TAG", "tag", RIGHT, NULL },
	{ "INNER", "inner", RIGHT, NULL },
	{ "MAC", "mac", 0, NULL },
	{ "MTU", "mtu", RIGHT, NULL },
	{ "ADMIN", "admin", 0, NULL },
	{ "LINK", "link", 0, NULL },
	{ "MPLS", "mpls", 0, NULL },
	{ "SPACE", "space", RIGHT, NULL },
	{ "VRF", "vrf", RIGHT, NULL },
	{ "RX PACKETS", "rx_packets", STATISTICS, NULL },
	{ "RX BYTES", "rx_bytes", STATISTICS, NULL },
	{ "TX PACKETS", "tx_packets", STATISTICS, NULL },
	{ "TX BYTES", "tx_bytes", STATISTICS, NULL },
	{ "DROPS", "drops", COLUMN_STATISTICS, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct column loopback[] = {
	{ "NAME", "name", 0, NULL },
	{ "ADMIN", "admin", 0, NULL },
	{ "VRF", "vrf", RIGHT, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct column address[] = {
	{ "PREFIX", "prefix", 0, NULL },
	{ "DEV", "dev", 0, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct column neigh[] = {
	{ "ADDRESS", "address", 0, NULL },
	{ "LLADDR", "lladdr", 0, NULL },
	{ "DEV", "dev", 0, NULL },
	{ "STATE", "state", 0, NULL },
	{ "ORIGIN", "origin", 0, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct column mpls[] = {
	{ "LABEL", "label", RIGHT, NULL },
	{ "SPACE", "space", RIGHT, NULL },
	{ "OPERATION", "operation", 0, NULL },
	{ "OUT LABELS", "out_labels", COLUMN_STACK, NULL },
	{ "VRF", "vrf", RIGHT, NULL },
	{ "BRIDGE", "bridge", 0, NULL },
	{ "NEXTHOPS", "nexthops", 0, "swap push entropy via dev weight state resolution active backup" },
	{ "TTL", "ttl", COLUMN_STATISTICS, NULL },
	{ "TC", "tc", COLUMN_STATISTICS, NULL },
	{ "PACKETS", "packets", RIGHT, NULL },
	{ "BYTES", "bytes", RIGHT, NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct sheet sheets[] = {
	{ COMMAND_PORT_SHOW, port },         { COMMAND_VLAN_SHOW, vlan },
	{ COMMAND_LOOPBACK_SHOW, loopback }, { COMMAND_ADDRESS_SHOW, address },
	{ COMMAND_NEIGH_SHOW, neigh },       { COMMAND_MPLS_SHOW, mpls },
};

const struct sheet *sheet_find(enum command_id command)
{
	for (unsigned int i = 0; i < sizeof(sheets) / sizeof(sheets[0]); i++)
		if (sheets[i].command == command)
			return &sheets[i];
	return NULL;
}
