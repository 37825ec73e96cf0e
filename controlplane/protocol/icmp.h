/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp.h: echo (RFC 792, RFC 4443 4).
 */
#ifndef SHUNT_PROTOCOL_ICMP_H
#define SHUNT_PROTOCOL_ICMP_H

#include "controlplane/protocol/punted.h"

/* ICMP in a packet for ourselves (ip-local.h). An echo request to one of our addresses is answered; fragments
 * are not put together. */
void icmp4_input(struct model *model, const struct punted *punted);

/* `at`: where the message begins in the packet, within it or at its end. */
void icmp6_input(struct model *model, const struct punted *punted, size_t at);

/* Send an answer back to whom the request came from: on the link, else by the VRF's route. */
void icmp_answer(struct model *model, const struct punted *punted, const uint8_t *packet,
		 size_t length);

#endif
