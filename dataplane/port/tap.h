/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tap.h: one TAP device of the kernel that outlives this process. Control thread only, but for reads and
 * writes of its descriptor.
 *
 * Ours are known by their interface alias (`ip link` shows it), so that one which a killed process left
 * behind is taken over, and a device of others that has the name is let alone.
 */
#ifndef SHUNT_PORT_TAP_H
#define SHUNT_PORT_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/port/device.h"

/* Open the device of this name whose alias is `mark`, or make it: down, without a carrier. *made says
 * which. Returns a descriptor that does not block, or a negative errno, and then `error` says why:
 * -EEXIST: another device has the name; -EBUSY: another process has it open. */
int tap_open(const char *name, const char *mark, bool *made, char error[DEVICE_ERROR_SIZE]);

/* Close it; the kernel removes it with its addresses and routes. */
void tap_remove(int fd);

/* Remove what tap_open would take over. 0 also if there is no such device. */
int tap_remove_left(const char *name, const char *mark);

/* 0 or a negative errno. */
int tap_set_mac(int fd, const uint8_t mac[6]);
int tap_set_mtu(int fd, uint16_t mtu);
int tap_set_carrier(int fd, bool carrier);
int tap_set_up(int fd);

#endif
