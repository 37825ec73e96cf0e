/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/af_xdp.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <rte_mbuf.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "dataplane/clock.h"

enum { RELEASE_NS = 150000000 };

static uint64_t cleaned; /* CLOCK_MONOTONIC when the last socket was taken apart */

/* The least program there is: XDP_PASS for everything. */
static int load_program(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "shunt_probe", "Dual BSD/GPL", pass,
			       sizeof(pass) / sizeof(pass[0]), NULL);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : 0;
}

int af_xdp_probe(const char *device, char *error, size_t size)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), result = 0;

	if (fd < 0)
		result = -errno;
	else
		close(fd);
	if (result != 0) {
		snprintf(error, size, "%s: the kernel refuses AF_XDP sockets: %s; net_af_packet needs none", device,
			 strerror(-result));
		return result;
	}
	result = load_program();
	if (result != 0)
		snprintf(error, size, "%s: the kernel refuses XDP programs: %s; net_af_packet needs none", device,
			 strerror(-result));
	return result;
}

/* 0, or -errno: -EBUSY if another socket has the queue. By copying: the driver is left as it is. */
static int try_to_bind(int fd, void *page, uint32_t size, unsigned int host_index)
{
	const struct xdp_umem_reg memory = { .addr = (uintptr_t)page,
					     .len = size,
					     .chunk_size = size };
	const struct sockaddr_xdp queue = { .sxdp_family = AF_XDP,
					    .sxdp_flags = XDP_COPY,
					    .sxdp_ifindex = host_index };
	static const int rings[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
	const int entries = 1;

	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) != 0)
		return -errno;
	for (unsigned int i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (setsockopt(fd, SOL_XDP, rings[i], &entries, sizeof(entries)) != 0)
			return -errno;
	return bind(fd, (const struct sockaddr *)&queue, sizeof(queue)) == 0 ? 0 : -errno;
}

bool af_xdp_is_bound(unsigned int host_index)
{
	uint32_t size = (uint32_t)getpagesize();
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), result = 0;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd >= 0 && page != MAP_FAILED)
		result = try_to_bind(fd, page, size, host_index);
	if (fd >= 0)
		close(fd);
	if (page != MAP_FAILED)
		munmap(page, size);
	cleaned = clock_ns(CLOCK_MONOTONIC);
	return result == -EBUSY;
}

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

static void add(struct af_xdp_buffers *buffers, struct rte_mbuf *mbuf)
{
	if (mbuf == NULL)
		return;
	if (buffers->count == buffers->room) {
		unsigned int room = buffers->room == 0 ? 4096 : buffers->room * 2;
		struct rte_mbuf **more = realloc(buffers->mbuf, room * sizeof(*more));
		if (more == NULL)
			return; /* lost, as without us */
		buffers->mbuf = more;
		buffers->room = room;
	}
	buffers->mbuf[buffers->count++] = mbuf;
}

/* What stands between consumer and producer. An entry begins with its address. */
static void read_ring(const uint8_t *map, size_t length, const struct xdp_ring_offset *offset,
		      size_t entry_size, struct rte_mempool *pool, struct af_xdp_buffers *buffers)
{
	const _Atomic uint32_t *producer = (const void *)(map + offset->producer);
	const _Atomic uint32_t *consumer = (const void *)(map + offset->consumer);
	/* a power of two; the mapping is rounded up to pages */
	uint32_t size = rte_align32prevpow2((uint32_t)((length - offset->desc) / entry_size));
	uint32_t at = atomic_load(consumer), end = atomic_load(producer);

	if (end - at > size)
		return;
	for (; at != end; at++) {
		uint64_t address;
		memcpy(&address, map + offset->desc + (at & (size - 1)) * entry_size,
		       sizeof(address));
		add(buffers, buffer_at(pool, address));
	}
}

/* The socket's ring that is mapped at `place` of it, or NULL. */
static const uint8_t *find_map(int fd, uint64_t place, size_t *length)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	const uint8_t *found = NULL;
	char line[512], name[64];
	struct stat st;

	if (maps == NULL)
		return NULL;
	if (fstat(fd, &st) == 0) {
		snprintf(name, sizeof(name), "socket:[%ju]", (uintmax_t)st.st_ino);
		while (found == NULL && fgets(line, sizeof(line), maps) != NULL) {
			uintptr_t start, end;
			uint64_t offset;
			if (strstr(line, name) == NULL ||
			    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64, &start, &end,
				   &offset) != 3 ||
			    offset != place)
				continue;
			found = (const uint8_t *)start;
			*length = end - start;
		}
	}
	fclose(maps);
	return found;
}

static bool is_ours(const struct af_xdp_sockets *sockets, unsigned int i)
{
	ino_t inode;

	return is_af_xdp(sockets->socket[i].fd, &inode) && inode == sockets->socket[i].inode;
}

void af_xdp_collect(const struct af_xdp_sockets *sockets, struct rte_mempool *pool,
		    struct af_xdp_buffers *buffers)
{
	for (unsigned int i = 0; i < sockets->count; i++) {
		int fd = sockets->socket[i].fd;
		struct xdp_mmap_offsets offsets;
		socklen_t length = sizeof(offsets);
		size_t size;

		if (!is_ours(sockets, i) ||
		    getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length) != 0)
			continue;
		/* Frames may come in still, which moves buffers from the fill to the receive ring: in
		 * this order one may be missed, and none is seen twice. */
		const uint8_t *map = find_map(fd, XDP_PGOFF_RX_RING, &size);
		if (map != NULL)
			read_ring(map, size, &offsets.rx, sizeof(struct xdp_desc), pool, buffers);
		map = find_map(fd, XDP_UMEM_PGOFF_FILL_RING, &size);
		if (map != NULL)
			read_ring(map, size, &offsets.fr, sizeof(uint64_t), pool, buffers);
		map = find_map(fd, XDP_UMEM_PGOFF_COMPLETION_RING, &size);
		if (map != NULL)
			read_ring(map, size, &offsets.cr, sizeof(uint64_t), pool, buffers);
	}
}

void af_xdp_clean(const struct af_xdp_sockets *sockets, struct af_xdp_buffers *buffers)
{
	for (unsigned int i = 0; i < sockets->count; i++) {
		/* else closed by the driver, and perhaps opened again as something else */
		if (is_ours(sockets, i))
			close(sockets->socket[i].fd);
		cleaned = clock_ns(CLOCK_MONOTONIC);
	}
	for (unsigned int i = 0; i < buffers->count; i++)
		rte_pktmbuf_free_seg(buffers->mbuf[i]);
	free(buffers->mbuf);
	*buffers = (struct af_xdp_buffers){ .count = 0 };
}

void af_xdp_wait(void)
{
	uint64_t passed = clock_ns(CLOCK_MONOTONIC) - cleaned;

	if (passed < RELEASE_NS)
		nanosleep(&(struct timespec){ .tv_nsec = (long)(RELEASE_NS - passed) }, NULL);
}
