/* SPDX-License-Identifier: BSD-3-Clause
 *
 * buffer.h: bytes that grow. Memory that cannot be had ends the process: its tables and its journal
 * stand, and the next one goes on from them.
 */
#ifndef SHUNT_API_BUFFER_H
#define SHUNT_API_BUFFER_H

#include <stdlib.h>
#include <string.h>

struct buffer {
	char *data;
	size_t used;     /* bytes */
	size_t capacity; /* bytes */
};

/* Room for `size` more bytes; returns where they go. */
static inline char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (buffer->capacity - buffer->used < size) {
		size_t capacity = buffer->capacity ? buffer->capacity * 2 : 512;

		while (capacity - buffer->used < size)
			capacity *= 2;
		buffer->data = realloc(buffer->data, capacity);
		if (!buffer->data)
			abort();
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->used;
}

static inline void buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
	if (size) {
		memcpy(buffer_reserve(buffer, size), bytes, size);
		buffer->used += size;
	}
}

static inline void buffer_add_string(struct buffer *buffer, const char *string)
{
	buffer_add(buffer, string, strlen(string));
}

static inline void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

#endif
