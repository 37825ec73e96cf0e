/* SPDX-License-Identifier: BSD-3-Clause
 *
 * peer.h: who is on the other side of the control socket. Root, our own user and group shunt-admin
 * may change, group shunt may look.
 */
#ifndef SHUNT_API_PEER_H
#define SHUNT_API_PEER_H

#include <sys/types.h>
#include "controlplane/api/rpc.h"

#define GROUP_LOOK   "shunt"
#define GROUP_CHANGE "shunt-admin"

/* Group of that name, or (gid_t)-1. */
gid_t peer_group(const char *name);

/* What a process with this user and these groups may do. */
enum rpc_peer peer_judge(uid_t user, const gid_t *groups, size_t count, gid_t look, gid_t change);

/* The same for the other side of a connected Unix socket. */
enum rpc_peer peer_of(int fd, gid_t look, gid_t change);

#endif
