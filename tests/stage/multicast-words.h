/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast-words.h: IP packets to groups as words of frame.h.
 */
#ifndef SHUNT_TESTS_MULTICAST_WORDS_H
#define SHUNT_TESTS_MULTICAST_WORDS_H

enum { PACKET_WORDS = 512, MAC_WORDS = 128 };

/* The words of an IP packet with this TTL and `fill` bytes in it. */
void multicast_packet_words(char words[PACKET_WORDS], const char *source, const char *group,
			    unsigned int ttl, unsigned int fill);
/* Those of an Ethernet header to the group's MAC; `from`: 12 digits, `tag`: words of tags, or "". */
void multicast_mac_words(char words[MAC_WORDS], const char *group, const char *from,
			 const char *tag);

#endif
