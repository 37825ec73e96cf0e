/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/peer.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

gid_t peer_group(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : (gid_t)-1;
}

static bool is_member(const gid_t *groups, size_t count, gid_t group)
{
	for (size_t i = 0; group != (gid_t)-1 && i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

enum rpc_peer peer_judge(uid_t user, const gid_t *groups, size_t count, gid_t look, gid_t change)
{
	if (user == 0 || user == geteuid())
		return PEER_OWNER;
	if (is_member(groups, count, change))
		return PEER_CHANGE;
	return is_member(groups, count, look) ? PEER_LOOK : PEER_NOBODY;
}

/* The groups that the process had when it connected, by the kernel's word: no directory service is
 * asked from the event loop. */
static size_t groups_of(int fd, gid_t first, gid_t **groups)
{
	socklen_t size = 0;
	size_t count = 1;

	getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size); /* tells the size by ERANGE */
	*groups = malloc(size + sizeof(first));
	if (!*groups)
		return 0;
	(*groups)[0] = first;
	if (size && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *groups + 1, &size))
		count += size / sizeof(first);
	return count;
}

enum rpc_peer peer_of(int fd, gid_t look, gid_t change)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	enum rpc_peer peer;
	gid_t *groups;
	size_t count;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return PEER_NOBODY;
	count = groups_of(fd, credentials.gid, &groups);
	peer = peer_judge(credentials.uid, groups, count, look, change);
	free(groups);
	return peer;
}
