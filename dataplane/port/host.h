/* SPDX-License-Identifier: BSD-3-Clause
 *
 * host.h: the Linux network interface behind a port (in the network namespace of this process).
 */
#ifndef SHUNT_PORT_HOST_H
#define SHUNT_PORT_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Set the interface's MTU to at least what net_af_packet must send and receive. -EINVAL: frames would
 * not fit into the ring that framesz= of the devargs makes; else what the kernel says. */
int host_set_mtu(const char *name, const char *devargs, uint16_t mtu);

/* Is it the interface with this index still? By name, so that a new one of the name is another. */
bool host_is(int socket, const char *name, unsigned int index);

/* Has it a carrier and is it up? By its flags and by what the driver says now, since the kernel may keep
 * news of a lost carrier back for up to a second. */
bool host_carrier(int socket, const char *name);

#endif
