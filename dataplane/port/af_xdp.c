/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/af_xdp.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/if_xdp.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RELEASE_NS = 150000000 };

static struct timespec cleaned; /* when the last socket was taken apart */

static bool is_af_xdp(int fd, ino_t *inode)
{
	struct stat st;
	int domain;
	socklen_t length = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_XDP ||
	    fstat(fd, &st) != 0)
		return false;
	*inode = st.st_ino;
	return true;
}

void af_xdp_note(struct af_xdp_sockets *sockets)
{
	DIR *open_files = opendir("/proc/self/fd");

	sockets->count = 0;
	if (open_files == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(open_files)) != NULL;) {
		int fd = atoi(entry->d_name);
		ino_t inode;
		if (sockets->count == AF_XDP_SOCKETS || entry->d_name[0] == '.' ||
		    !is_af_xdp(fd, &inode))
			continue;
		sockets->socket[sockets->count].fd = fd;
		sockets->socket[sockets->count++].inode = inode;
	}
	closedir(open_files);
}

void af_xdp_subtract(struct af_xdp_sockets *now, const struct af_xdp_sockets *before)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < now->count; i++) {
		bool old = false;
		for (unsigned int k = 0; k < before->count; k++)
			old = old || before->socket[k].inode == now->socket[i].inode;
		if (!old)
			now->socket[kept++] = now->socket[i];
	}
	now->count = kept;
}

/* Address in a ring to packet buffer, as the driver counts: from the page in which the pool begins to
 * the object's header. NULL: no buffer of this pool. */
static struct rte_mbuf *buffer_at(struct rte_mempool *pool, uint64_t address)
{
	const struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&pool->mem_list);
	uintptr_t base = (uintptr_t)chunk->addr & ~((uintptr_t)getpagesize() - 1);
	uintptr_t offset = address & XSK_UNALIGNED_BUF_ADDR_MASK;

	if (base + offset < (uintptr_t)chunk->addr || offset >= chunk->len)
		return NULL;
	void *object = (void *)(base + offset + pool->header_size);
	return rte_mempool_from_obj(object) == pool ? object : NULL;
}

/* Buffers that stand between consumer and producer of a ring that nobody uses any more. */
static unsigned int empty_ring(uint8_t *map, size_t length, const struct xdp_ring_offset *offset,
			       struct rte_mempool *pool)
{
	const uint64_t *address = (const uint64_t *)(void *)(map + offset->desc);
	uint32_t producer = *(volatile uint32_t *)(void *)(map + offset->producer);
	uint32_t consumer = *(volatile uint32_t *)(void *)(map + offset->consumer);
	/* a power of two; the mapping is rounded up to pages */
	uint32_t size = rte_align32prevpow2((uint32_t)((length - offset->desc) / sizeof(*address)));
	unsigned int count = 0;

	if (producer - consumer > size)
		return 0;
	for (; consumer != producer; consumer++) {
		struct rte_mbuf *mbuf = buffer_at(pool, address[consumer & (size - 1)]);
		if (mbuf == NULL)
			continue;
		rte_pktmbuf_free(mbuf);
		count++;
	}
	return count;
}

/* The rings of one socket that are mapped still: they keep it from being closed. */
static unsigned int clean_maps(const char *name, const struct xdp_mmap_offsets *offsets,
			       struct rte_mempool *pool)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned int count = 0;

	if (maps == NULL)
		return 0;
	while (fgets(line, sizeof(line), maps) != NULL) {
		uintptr_t start, end;
		uint64_t place;
		if (strstr(line, name) == NULL ||
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64, &start, &end, &place) != 3)
			continue;
		uint8_t *map = (void *)start;
		if (place == XDP_UMEM_PGOFF_FILL_RING)
			count += empty_ring(map, end - start, &offsets->fr, pool);
		else if (place == XDP_UMEM_PGOFF_COMPLETION_RING)
			count += empty_ring(map, end - start, &offsets->cr, pool);
		munmap(map, end - start);
	}
	fclose(maps);
	return count;
}

unsigned int af_xdp_clean(const struct af_xdp_sockets *sockets, struct rte_mempool *pool)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < sockets->count; i++) {
		int fd = sockets->socket[i].fd;
		struct xdp_mmap_offsets offsets;
		socklen_t length = sizeof(offsets);
		ino_t inode;
		char name[64];

		/* closed by the driver, and perhaps opened again as something else */
		if (!is_af_xdp(fd, &inode) || inode != sockets->socket[i].inode)
			continue;
		snprintf(name, sizeof(name), "socket:[%ju]", (uintmax_t)inode);
		if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length) == 0 &&
		    length == sizeof(offsets))
			count += clean_maps(name, &offsets, pool);
		close(fd);
		clock_gettime(CLOCK_MONOTONIC, &cleaned);
	}
	return count;
}

void af_xdp_wait(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t passed = (now.tv_sec - cleaned.tv_sec) * INT64_C(1000000000) + now.tv_nsec - cleaned.tv_nsec;
	if (passed < RELEASE_NS)
		nanosleep(&(struct timespec){ .tv_nsec = RELEASE_NS - passed }, NULL);
}
