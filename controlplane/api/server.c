/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "controlplane/api/connection.h"
#include "controlplane/api/log.h"

enum { BACKLOG = 4096, ACCEPT_MAX = 64, DESCRIPTORS_OURS = 64, PATIENCE_SECONDS = 60 };

/* ---- accepting ---- */

/* Say why and close. The socket's buffer is empty, so the line fits. */
static void refuse(int fd, const char *message)
{
	char line[256];
	int length = rpc_error_line(line, sizeof(line), RPC_REFUSED, message);

	if (send(fd, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_info("control socket: a refused client did not wait: %s", strerror(errno));
	close(fd);
}

/* Is there no place left for such a peer? Of eight places lookers never get the last. */
static bool is_full(const struct server *server, enum rpc_peer peer)
{
	return server->count >= server->limit ||
	       (peer == PEER_LOOK && server->lookers >= server->limit - server->limit / 8);
}

/* Close the connection that has asked nothing for the longest time, if that is long enough: its
 * client comes back when it has something to ask. For a looker only another looker's. */
static void drop_idle(struct server *server, enum rpc_peer peer)
{
	uint64_t patience = (uint64_t)server->patience.tv_sec * 1000000000u +
			    (uint64_t)server->patience.tv_usec * 1000u;
	struct connection *connection, *oldest = NULL;

	TAILQ_FOREACH(connection, &server->connections, link)
	if ((peer != PEER_LOOK || connection->peer == PEER_LOOK) &&
	    connection_is_idle(connection) && (!oldest || connection->used_at < oldest->used_at))
		oldest = connection;
	if (oldest && queue_clock() - oldest->used_at > patience)
		connection_close(oldest);
}

static void admit(struct server *server, int fd)
{
	enum rpc_peer peer = peer_of(fd, server->look, server->change);

	if (peer == PEER_NOBODY) {
		refuse(fd, "permission denied: root and group shunt-admin may change, group shunt "
			   "may look");
		return;
	}
	if (is_full(server, peer))
		drop_idle(server, peer);
	if (is_full(server, peer))
		refuse(fd,
		       "too many connections (1024 may be open, 896 of them by group shunt): try "
		       "again later");
	else
		connection_open(server, fd, peer);
}

/* No descriptor left: give up the spare one so that the client can be told. */
static void refuse_without_descriptor(struct server *server)
{
	int fd;

	close(server->spare);
	fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(fd, "no file descriptor left: try again later");
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_acceptable(evutil_socket_t listener, short events, void *context)
{
	struct server *server = context;

	(void)events;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			admit(server, fd);
		else if (errno == EMFILE || errno == ENFILE)
			refuse_without_descriptor(server);
		else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

/* ---- opening ---- */

/* Descriptors for all connections; fewer connections where the limit cannot be raised. */
static size_t raise_limit(void)
{
	rlim_t wanted = CONNECTION_MAX + DESCRIPTORS_OURS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return CONNECTION_MAX / 2;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return CONNECTION_MAX;
	return limit.rlim_cur > 2 * DESCRIPTORS_OURS ? limit.rlim_cur - DESCRIPTORS_OURS
						     : DESCRIPTORS_OURS;
}

/* Who may connect is judged by credentials. Where there is a group of lookers, the file's mode
 * cannot name both groups and lets everybody come as far as that judgement. */
static int set_owner(const struct server *server)
{
	mode_t mode = server->look == (gid_t)-1 ? 0660 : 0666;

	if (server->change != (gid_t)-1 && chown(server->path, (uid_t)-1, server->change))
		log_warning("%s: chown to group " GROUP_CHANGE ": %s", server->path,
			    strerror(errno));
	if (chmod(server->path, mode))
		return -errno;
	if (server->look != (gid_t)-1 || server->change != (gid_t)-1)
		chmod(server->api->place.directory, 0751);
	return 0;
}

/* We hold the instance's lock, so a socket that is there was left by a dead process. */
static int listen_at(struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(server->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, server->path);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return -errno;
	unlink(server->path);
	if (bind(server->fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	rc = set_owner(server);
	if (!rc && listen(server->fd, BACKLOG))
		rc = -errno;
	return rc;
}

int server_open(struct server **result, struct api *api, char error[REGION_ERROR_SIZE])
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		abort();
	TAILQ_INIT(&server->connections);
	server->api = api;
	server->look = peer_group(GROUP_LOOK);
	server->change = peer_group(GROUP_CHANGE);
	server->limit = raise_limit();
	server->patience.tv_sec = PATIENCE_SECONDS;
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	snprintf(server->path, sizeof(server->path), "%s/control.sock", api->place.directory);
	rc = listen_at(server);
	if (rc) {
		snprintf(error, REGION_ERROR_SIZE, "%s: %s", server->path, strerror(-rc));
		close(server->spare);
		if (server->fd >= 0)
			close(server->fd);
		free(server);
		return rc;
	}
	server->acceptable =
		event_new(api->base, server->fd, EV_READ | EV_PERSIST, on_acceptable, server);
	event_add(server->acceptable, NULL);
	*result = server;
	return 0;
}

void server_close(struct server *server)
{
	struct connection *connection;

	event_free(server->acceptable);
	close(server->fd);
	unlink(server->path);
	while ((connection = TAILQ_FIRST(&server->connections))) {
		evbuffer_write(connection->out, connection->fd);
		connection_close(connection);
	}
	close(server->spare);
	free(server);
}
