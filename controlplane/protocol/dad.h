/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dad.h: has somebody else an address of ours? (RFC 5227 2.1, RFC 4862 5.4)
 *
 * An address works from the moment it is configured: a router that waits would black-hole what is routed
 * to it, and its configuration is meant. Beside that it is tentative until nobody has answered to the
 * probes: three by ARP, one by neighbour discovery. If somebody does, then or later, it is duplicate: that
 * is logged, an event, and what `address show` says; the address stays and is defended (RFC 5227 2.4 c;
 * for IPv6 another choice than RFC 4862 5.4.5), since else one frame of any host on the link could take a
 * router's address away. It is asked again when the link or the MAC has changed.
 *
 * A new address is announced once nobody has answered (RFC 5227 2.3), and a duplicate not at all. But when
 * a link comes up, or a MAC changes, what is configured there is announced at once as well, by
 * interface_link_changed(): it may have been another machine's until now, which has failed, and whose MAC
 * the neighbours still send to.
 */
#ifndef SHUNT_PROTOCOL_DAD_H
#define SHUNT_PROTOCOL_DAD_H

#include "controlplane/object/model.h"

enum { DAD_ARP_PROBES = 3, DAD_ND_PROBES = 1 };
#define DAD_INTERVAL_NS 1000000000ull /* RFC 5227 1.1: PROBE_MIN; RFC 4861 10: RETRANS_TIMER */
#define DAD_WAIT_NS     500000000ull  /* before the first one, and up to as much more */
#define DAD_LAST_NS     2000000000ull /* RFC 5227 1.1: ANNOUNCE_WAIT */

/* Send the probes that are due. From the event loop, often. */
void dad_poll(struct model *model);

/* Somebody else has this address on the interface's link. True: that was not known. */
bool dad_conflict(struct model *model, const struct interface_object *interface,
		  const struct address *address);

/* Is it being asked for? Then somebody else's probe for it is a conflict too. */
bool dad_is_tentative(const struct interface_object *interface, const struct address *address);

#endif
