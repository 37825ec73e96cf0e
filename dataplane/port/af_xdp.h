/* SPDX-License-Identifier: BSD-3-Clause
 *
 * af_xdp.h: gives back what net_af_xdp keeps when it is closed. Control thread only.
 *
 * In DPDK 22.11 the driver never lets go of a queue's umem (22.11.11 drops its last reference one too
 * late): the socket stays bound, so that the interface can never be a port again, and the packet
 * buffers in its fill ring are lost for all ports. So the sockets that a device made are noted, and
 * what is left of them after the close is taken apart: buffers out of the fill and completion rings,
 * rings unmapped, socket closed. With a driver that cleans up itself nothing is left to do.
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

/* All AF_XDP sockets that the process has now. */
void af_xdp_note(struct af_xdp_sockets *sockets);

/* Those of `now` that are not in `before`. */
void af_xdp_subtract(struct af_xdp_sockets *now, const struct af_xdp_sockets *before);

/* The device is closed: take apart what is left of its sockets. `pool` is where its buffers are from.
 * Returns the number of buffers that were given back. */
unsigned int af_xdp_clean(const struct af_xdp_sockets *sockets, struct rte_mempool *pool);

/* Before sockets are made: if some were taken apart just now, wait until the kernel has let go of their
 * queues too (it does so after an RCU grace period, and tells nobody when). */
void af_xdp_wait(void);

#endif
