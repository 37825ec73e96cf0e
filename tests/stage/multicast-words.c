/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include "tests/stage/bridge-tables.h"
#include "tests/stage/frame.h"
#include "tests/stage/multicast-words.h"

void multicast_packet_words(char words[PACKET_WORDS], const char *source, const char *group,
			    unsigned int ttl, unsigned int fill)
{
	bool ipv4 = strchr(group, ':') == NULL;
	uint8_t header[40] = { 0 }, bytes[16];
	unsigned int size = ipv4 ? 20 : 40;

	if (ipv4) {
		memcpy(header, (const uint8_t[]){ 0x45, 0, 0, 0, 0, 7, 0x40, 0, (uint8_t)ttl, 17 },
		       10);
		header[2] = (uint8_t)((size + fill) >> 8);
		header[3] = (uint8_t)(size + fill);
		memcpy(header + 12, table_address(source, bytes), 4);
		memcpy(header + 16, table_address(group, bytes), 4);
		uint16_t sum = frame_checksum(header, size);
		header[10] = (uint8_t)(sum >> 8);
		header[11] = (uint8_t)sum;
	} else {
		memcpy(header, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 0, 17, (uint8_t)ttl }, 8);
		header[4] = (uint8_t)(fill >> 8);
		header[5] = (uint8_t)fill;
		memcpy(header + 8, table_address(source, bytes), 16);
		memcpy(header + 24, table_address(group, bytes), 16);
	}
	char *at = words + sprintf(words, "raw:");
	for (unsigned int i = 0; i < size; i++)
		at += sprintf(at, "%02x", header[i]);
	sprintf(at, " fill:%u", fill);
}

void multicast_mac_words(char words[MAC_WORDS], const char *group, const char *from,
			 const char *tag)
{
	uint8_t bytes[16];
	bool ipv4 = table_address(group, bytes) != bytes;

	if (ipv4)
		sprintf(words, "mac:01005e%02x%02x%02x%s%s type:0800 ", bytes[13] & 0x7f, bytes[14],
			bytes[15], from, tag);
	else
		sprintf(words, "mac:3333%02x%02x%02x%02x%s%s type:86dd ", bytes[12], bytes[13],
			bytes[14], bytes[15], from, tag);
}
