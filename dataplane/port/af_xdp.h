/* SPDX-License-Identifier: BSD-3-Clause
 *
 * af_xdp.h: gives back what net_af_xdp keeps when it is closed. Control thread only.
 *
 * The driver loses the packet buffers that stand in a queue's fill and completion rings, and that of
 * DPDK 22.11.11 never lets go of the queue's umem (it drops the last reference one too late), so that
 * the socket stays bound and the interface can never be a port again. So the sockets that a device made
 * are noted; their rings are read before the close, and the buffers given back after it, when nobody
 * can write into them any more.
 */
#ifndef SHUNT_PORT_AF_XDP_H
#define SHUNT_PORT_AF_XDP_H

#include <rte_mempool.h>
#include <sys/types.h>

enum { AF_XDP_SOCKETS = 64 };

struct af_xdp_sockets {
	unsigned int count;
	struct {
		int fd;
		ino_t inode;
	} socket[AF_XDP_SOCKETS];
};

/* Has the kernel what net_af_xdp needs, and may we use it? 0, or -errno with what `device` lacks in `error`:
 * its driver says no more than that a queue is an invalid argument. */
int af_xdp_probe(const char *device, char *error, size_t size);

/* Has anybody a socket at the first queue of the interface? Asked by trying to have one. */
bool af_xdp_is_bound(unsigned int host_index);

/* All AF_XDP sockets that the process has now. */
void af_xdp_note(struct af_xdp_sockets *sockets);

/* Those of `now` that are not in `before`. */
void af_xdp_subtract(struct af_xdp_sockets *now, const struct af_xdp_sockets *before);

struct af_xdp_buffers {
	unsigned int count, room;
	struct rte_mbuf **mbuf;
};

/* No worker uses the device, and it is about to be closed: which buffers of `pool` has the kernel? */
void af_xdp_collect(const struct af_xdp_sockets *sockets, struct rte_mempool *pool,
		    struct af_xdp_buffers *buffers);

/* The device is closed: close what is left of its sockets, free the buffers. */
void af_xdp_clean(const struct af_xdp_sockets *sockets, struct af_xdp_buffers *buffers);

/* Before sockets are made: if some were taken apart just now, wait until the kernel has let go of their
 * queues too (it does so after an RCU grace period, and tells nobody when). */
void af_xdp_wait(void);

#endif
