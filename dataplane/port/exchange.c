/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/exchange.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include "dataplane/log.h"

enum {
	RING_SIZE = 1024,
	BURST = 32,
	SEGMENTS_MAX = 128, /* of a frame for the kernel: reassembled ones are long */
	PAUSE_MS = 1,      /* a worker's ring is full: it will be emptied */
	PAUSE_US = 100,    /* the control thread wants the lock */
};

struct row {
	bool active;
	int fd;
	struct rte_ring *from_host; /* NULL until first used */
	struct rte_mempool *pool;
	_Atomic bool gone; /* both as in struct exchange_report */
	_Atomic uint64_t lost;
};

struct exchange {
	struct host_bell bell;
	unsigned int worker_count;
	struct rte_ring *to_host[WORKER_MAX];
	pthread_t thread;
	_Atomic bool stop;
	_Atomic unsigned int waiting; /* who wants the lock; a busy thread would take it again */
	pthread_mutex_t lock;         /* of rows */
	struct row row[PORT_MAX];
};

/* ---------------------------------------------------------------- to the kernel */

static bool write_frame(int fd, const struct rte_mbuf *mbuf)
{
	struct iovec parts[SEGMENTS_MAX];
	int count = 0;

	for (const struct rte_mbuf *at = mbuf; at != NULL; at = at->next) {
		if (count == SEGMENTS_MAX)
			return false;
		parts[count].iov_base = rte_pktmbuf_mtod(at, void *);
		parts[count++].iov_len = at->data_len;
	}
	return writev(fd, parts, count) == (ssize_t)mbuf->pkt_len;
}

static unsigned int empty_worker(struct exchange *exchange, struct rte_ring *ring)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int count = rte_ring_sc_dequeue_burst(ring, (void **)mbufs, BURST, NULL);

	for (unsigned int i = 0; i < count; i++) {
		struct row *row = &exchange->row[mbufs[i]->port % PORT_MAX];
		if (row->active && !write_frame(row->fd, mbufs[i]))
			counter_add(&row->lost, 1);
	}
	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/* ---------------------------------------------------------------- from the kernel */

/* A frame in as many buffers as it takes, or NULL. */
static struct rte_mbuf *make_packet(struct rte_mempool *pool, const uint8_t *frame, size_t length)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);

	for (struct rte_mbuf *at = head; at != NULL;) {
		size_t room = rte_pktmbuf_tailroom(at), part = length < room ? length : room;
		memcpy(rte_pktmbuf_mtod(at, uint8_t *), frame, part);
		at->data_len = (uint16_t)part;
		at->pkt_len = (uint32_t)part;
		if (at != head && rte_pktmbuf_chain(head, at) != 0) {
			rte_pktmbuf_free(at);
			break;
		}
		frame += part;
		length -= part;
		if (length == 0)
			return head;
		at = rte_pktmbuf_alloc(pool);
	}
	rte_pktmbuf_free(head);
	return NULL;
}

static unsigned int empty_row(struct row *row)
{
	static uint8_t frame[65536];
	unsigned int count = 0;

	for (; count < BURST && rte_ring_free_count(row->from_host) > 0; count++) {
		ssize_t length = read(row->fd, frame, sizeof(frame));
		if (length <= 0) {
			if (length < 0 && errno == EBADFD)
				row->gone = true;
			break;
		}
		struct rte_mbuf *mbuf = make_packet(row->pool, frame, (size_t)length);
		if (mbuf == NULL || rte_ring_sp_enqueue(row->from_host, mbuf) != 0) {
			rte_pktmbuf_free(mbuf);
			counter_add(&row->lost, 1);
		}
	}
	return count;
}

/* ---------------------------------------------------------------- the thread */

/* What moved, and what to wait for. *full: a ring is full, so that its device is not looked at. */
static unsigned int carry(struct exchange *exchange, struct pollfd *news, nfds_t *news_count,
			  bool *full)
{
	unsigned int moved = 0;
	nfds_t count = 1;

	*full = false;
	for (unsigned int i = 0; i < exchange->worker_count; i++)
		moved += empty_worker(exchange, exchange->to_host[i]);
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		struct row *row = &exchange->row[i];
		if (!row->active || row->gone)
			continue;
		moved += empty_row(row);
		if (rte_ring_free_count(row->from_host) > 0)
			news[count++] = (struct pollfd){ .fd = row->fd, .events = POLLIN };
		else
			*full = true;
	}
	*news_count = count;
	return moved;
}

static bool frames_wait(const struct exchange *exchange)
{
	for (unsigned int i = 0; i < exchange->worker_count; i++)
		if (!rte_ring_empty(exchange->to_host[i]))
			return true;
	return false;
}

static void wait_for_news(struct exchange *exchange, struct pollfd *news, nfds_t count, bool full)
{
	uint64_t rung;

	atomic_store_explicit(&exchange->bell.sleeping, true, memory_order_seq_cst);
	/* either we see the frame, or the worker sees that we sleep */
	atomic_thread_fence(memory_order_seq_cst);
	if (!frames_wait(exchange) && poll(news, count, full ? PAUSE_MS : -1) > 0 &&
	    news[0].revents != 0)
		(void)!read(exchange->bell.fd, &rung, sizeof(rung));
	atomic_store_explicit(&exchange->bell.sleeping, false, memory_order_relaxed);
}

static void *run(void *argument)
{
	struct exchange *exchange = argument;
	struct pollfd news[1 + PORT_MAX] = { { .fd = exchange->bell.fd, .events = POLLIN } };

	while (!atomic_load_explicit(&exchange->stop, memory_order_relaxed)) {
		nfds_t count;
		bool full;
		pthread_mutex_lock(&exchange->lock);
		unsigned int moved = carry(exchange, news, &count, &full);
		pthread_mutex_unlock(&exchange->lock);
		if (atomic_load_explicit(&exchange->waiting, memory_order_relaxed) > 0)
			usleep(PAUSE_US);
		else if (moved == 0)
			wait_for_news(exchange, news, count, full);
	}
	return NULL;
}

static void wake(struct exchange *exchange)
{
	const uint64_t one = 1;

	(void)!write(exchange->bell.fd, &one, sizeof(one));
}

static void lock(struct exchange *exchange)
{
	atomic_fetch_add(&exchange->waiting, 1);
	pthread_mutex_lock(&exchange->lock);
	atomic_fetch_sub(&exchange->waiting, 1);
}

/* ---------------------------------------------------------------- start and end */

static struct rte_ring *make_ring(const char *what, unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", what, number);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void empty_ring(struct rte_ring *ring)
{
	void *mbuf;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
}

static void free_all(struct exchange *exchange)
{
	for (unsigned int i = 0; i < WORKER_MAX; i++) {
		empty_ring(exchange->to_host[i]);
		rte_ring_free(exchange->to_host[i]);
	}
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		empty_ring(exchange->row[i].from_host);
		rte_ring_free(exchange->row[i].from_host);
	}
	if (exchange->bell.fd >= 0)
		close(exchange->bell.fd);
	rte_free(exchange);
}

struct exchange *exchange_new(unsigned int worker_count)
{
	struct exchange *exchange = rte_zmalloc("exchange", sizeof(*exchange), CACHE_LINE);
	int result = -ENOMEM;

	if (exchange == NULL)
		return NULL;
	exchange->worker_count = worker_count;
	exchange->bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (exchange->bell.fd < 0) {
		result = -errno;
		goto failed;
	}
	for (unsigned int i = 0; i < worker_count; i++) {
		exchange->to_host[i] = make_ring("to-host", i);
		if (exchange->to_host[i] == NULL)
			goto failed;
	}
	pthread_mutex_init(&exchange->lock, NULL);
	result = rte_ctrl_thread_create(&exchange->thread, "shunt-host", NULL, run, exchange);
	if (result == 0)
		return exchange;
failed:
	log_error("thread for the host's frames: %s", strerror(-result));
	free_all(exchange);
	return NULL;
}

void exchange_delete(struct exchange *exchange)
{
	atomic_store(&exchange->stop, true);
	wake(exchange);
	pthread_join(exchange->thread, NULL);
	pthread_mutex_destroy(&exchange->lock);
	free_all(exchange);
}

struct rte_ring *exchange_ring(struct exchange *exchange, unsigned int worker)
{
	return exchange->to_host[worker];
}

struct host_bell *exchange_bell(struct exchange *exchange)
{
	return &exchange->bell;
}

int exchange_add(struct exchange *exchange, unsigned int number, int fd, struct rte_mempool *pool,
		 struct rte_ring **ring)
{
	struct row *row = &exchange->row[number];

	if (row->from_host == NULL)
		row->from_host = make_ring("from-host", number);
	if (row->from_host == NULL)
		return -rte_errno;
	*ring = row->from_host;
	lock(exchange);
	row->fd = fd;
	row->pool = pool;
	row->gone = false;
	row->lost = 0;
	row->active = true;
	pthread_mutex_unlock(&exchange->lock);
	wake(exchange);
	return 0;
}

void exchange_remove(struct exchange *exchange, unsigned int number)
{
	struct row *row = &exchange->row[number];

	lock(exchange);
	row->active = false;
	empty_ring(row->from_host);
	pthread_mutex_unlock(&exchange->lock);
	wake(exchange); /* it may sleep with the descriptor, which would keep the device */
}

void exchange_read(struct exchange *exchange, unsigned int number, struct exchange_report *report)
{
	report->gone = exchange->row[number].gone;
	report->lost = counter_read(&exchange->row[number].lost);
}
