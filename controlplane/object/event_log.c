/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/object/event_log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_MAX = 96 };

static int log_socket = -1;

static bool log_open(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	if (log_socket >= 0)
		return true;
	log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log_socket < 0)
		return false;
	if (connect(log_socket, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	close(log_socket);
	log_socket = -1;
	return false;
}

/* <30>Nov 22 17:45:43 shunt-controlplane[4711]: , as syslog(3) begins its lines. */
static int header_write(char header[HEADER_MAX])
{
	time_t now = time(NULL);
	struct tm local;
	char date[32] = "";

	if (localtime_r(&now, &local) != NULL)
		strftime(date, sizeof(date), "%h %e %T ", &local);
	return snprintf(header, HEADER_MAX, "<%d>%sshunt-controlplane[%d]: ", LOG_DAEMON | LOG_INFO,
			date, (int)getpid());
}

bool event_log_write(char *line, size_t length)
{
	char header[HEADER_MAX];
	struct iovec parts[] = { { header, (size_t)header_write(header) }, { line, length } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	for (int tries = 0; tries < 2 && log_open(); tries++) {
		if (sendmsg(log_socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
			return false;
		close(log_socket); /* the log was started anew */
		log_socket = -1;
	}
	return false;
}
