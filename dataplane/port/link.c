/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dataplane/log.h"
#include "dataplane/port/host.h"

enum {
	LOOK_MS = 2, /* between looks, when nothing wakes us: a part of the 10 ms of a reroute */
};

struct watched {
	bool active;
	uint16_t dpdk_port;
	unsigned int host_index;
	char host_device[16];
	struct link_report report;
};

struct link_watch {
	struct state *state;
	int netlink, socket;
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t lock; /* of what follows: the control thread adds, removes and reads */
	struct watched watched[PORT_MAX];
};

static void look_at_host(const struct link_watch *links, const struct watched *watched,
			 struct link_report *report)
{
	/* by the index first: a new interface of the name is not the one that our sockets are bound to */
	report->gone = !host_is(links->socket, watched->host_device, watched->host_index);
	report->up = !report->gone && host_carrier(links->socket, watched->host_device);
}

static void look_at_ethdev(const struct watched *watched, struct link_report *report)
{
	struct rte_eth_link link = { 0 };

	report->up = rte_eth_link_get_nowait(watched->dpdk_port, &link) == 0 &&
		     link.link_status == RTE_ETH_LINK_UP;
	report->speed =
		report->up && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
}

static void look(struct link_watch *links, unsigned int row)
{
	struct watched *watched = &links->watched[row];
	struct link_report now = watched->report;

	if (watched->host_device[0] != '\0')
		look_at_host(links, watched, &now);
	else
		look_at_ethdev(watched, &now);
	if (watched->report.up && !now.up)
		now.flaps++;
	watched->report = now;
	atomic_store_explicit(&links->state->port_live[row], now.up, memory_order_release);
}

static int open_netlink(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What the messages say does not matter (and ENOBUFS, that some were lost, neither): all ports are
 * looked at now. */
static void empty_netlink(int fd)
{
	char buffer[16384];
	ssize_t n;

	do
		n = recv(fd, buffer, sizeof(buffer), 0);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}

static void *watch(void *argument)
{
	struct link_watch *links = argument;
	struct pollfd news = { .fd = links->netlink, .events = POLLIN };

	/* A busy machine must not delay a reroute, and this takes microseconds. Without the right to ask
	 * for it, it works as well as the machine has time. */
	struct sched_param priority = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };
	(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
	while (!atomic_load_explicit(&links->stop, memory_order_relaxed)) {
		if (poll(&news, 1, LOOK_MS) > 0)
			empty_netlink(links->netlink);
		pthread_mutex_lock(&links->lock);
		for (unsigned int row = 0; row < PORT_MAX; row++)
			if (links->watched[row].active)
				look(links, row);
		pthread_mutex_unlock(&links->lock);
	}
	return NULL;
}

struct link_watch *link_watch_new(struct state *state)
{
	struct link_watch *links = calloc(1, sizeof(*links));
	int result;

	if (links == NULL)
		return NULL;
	links->state = state;
	links->netlink = open_netlink();
	links->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (links->netlink < 0 || links->socket < 0) {
		log_error("link state: rtnetlink: %s", strerror(errno));
		goto failed;
	}
	pthread_mutex_init(&links->lock, NULL);
	result = rte_ctrl_thread_create(&links->thread, "shunt-link", NULL, watch, links);
	if (result == 0)
		return links;
	log_error("link state: thread: %s", strerror(-result));
failed:
	if (links->netlink >= 0)
		close(links->netlink);
	if (links->socket >= 0)
		close(links->socket);
	free(links);
	return NULL;
}

void link_watch_delete(struct link_watch *links)
{
	atomic_store(&links->stop, true);
	pthread_join(links->thread, NULL);
	for (unsigned int row = 0; row < PORT_MAX; row++)
		atomic_store(&links->state->port_live[row], 0);
	close(links->netlink);
	close(links->socket);
	pthread_mutex_destroy(&links->lock);
	free(links);
}

void link_watch_add(struct link_watch *links, unsigned int row, const struct device *device,
		    const char *host_device)
{
	struct watched *watched = &links->watched[row];

	pthread_mutex_lock(&links->lock);
	memset(watched, 0, sizeof(*watched));
	watched->dpdk_port = device->dpdk_port;
	watched->host_index = device->host_index;
	snprintf(watched->host_device, sizeof(watched->host_device), "%s", host_device);
	watched->active = true;
	look(links, row);
	pthread_mutex_unlock(&links->lock);
}

void link_watch_remove(struct link_watch *links, unsigned int row)
{
	pthread_mutex_lock(&links->lock);
	memset(&links->watched[row], 0, sizeof(links->watched[row]));
	atomic_store_explicit(&links->state->port_live[row], 0, memory_order_release);
	pthread_mutex_unlock(&links->lock);
}

void link_watch_read(struct link_watch *links, unsigned int row, struct link_report *report)
{
	pthread_mutex_lock(&links->lock);
	*report = links->watched[row].report;
	pthread_mutex_unlock(&links->lock);
}
