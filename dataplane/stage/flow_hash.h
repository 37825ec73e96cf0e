/* SPDX-License-Identifier: BSD-3-Clause
 *
 * flow_hash.h: which flow is it, for equal-cost choice and for entropy labels?
 */
#ifndef SHUNT_FLOW_HASH_H
#define SHUNT_FLOW_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hash of a labelled packet: over the labels down to the entropy label where there is one (RFC 6790
 * 4.3), else over all labels, special-purpose ones left out (RFC 7274 3.1), and the addresses, the protocol and the ports of
 * the IP packet below the bottom label, if its first nibble says that it is one (fragments: no
 * ports). Never over TTL or traffic class. `stack` to `end` is what can be read; `seed` is the
 * instance's. */
uint32_t flow_hash_mpls(const uint8_t *stack, const uint8_t *end, uint64_t seed);

/* The same of an IP packet. */
uint32_t flow_hash_ip(const uint8_t *header, const uint8_t *end, uint64_t seed);

/* The same of an Ethernet frame: of the IP packet in it, or of its addresses. */
uint32_t flow_hash_ethernet(const uint8_t *frame, const uint8_t *end, uint64_t seed);

#endif
