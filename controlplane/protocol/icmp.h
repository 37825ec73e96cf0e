/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp.h: echo (RFC 792, RFC 4443 4).
 */
#ifndef SHUNT_PROTOCOL_ICMP_H
#define SHUNT_PROTOCOL_ICMP_H

#include "controlplane/protocol/punted.h"

/* A packet for ourselves (punted as ip_local), of either family. An echo request to one of our
 * addresses is answered; IPv4 options are skipped; fragments are not put together. */
void icmp_input(struct model *model, const struct punted *punted);

/* The same for one family each: called by icmp_input. */
void icmp4_input(struct model *model, const struct punted *punted);
void icmp6_input(struct model *model, const struct punted *punted);

/* Send an answer back to whom the request came from: on the link, else by the VRF's route. */
void icmp_answer(struct model *model, const struct punted *punted, const uint8_t *packet,
		 size_t length);

#endif
