/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-generator: sends numbered packets at a rate by port 0, takes what comes back by port 1, and says
 * how many were lost or wrong and how long they were on the way. One core; ports are EAL's (`--vdev`).
 *
 *   bench-generator EAL-OPTIONS -- IN.pcap [EXPECTED.pcap]
 *
 * Lines on standard input: `run RATE SECONDS` sends so many packets a second and prints a line of JSON when
 * the last has come back or is not coming any more; end of file ends it. The last 16 bytes of a frame are
 * its index in the file, the run, and when it was sent; frame N of the second file is what frame N must have become,
 * but for these bytes, in any order.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	BURST = 32,
	POOL = 16384,
	RING = 1024,
	FRAMES_MAX = 65536,
	BUCKETS = 64 << 4, /* of the histogram: 16 a doubling */
	SETTLE_MS = 50,    /* after the last packet was sent */
	SLOW = 10000,      /* packets a second: leave the core to others between two packets */
};

struct frame {
	uint16_t length;
	uint8_t bytes[2048];
};

struct mark {
	uint32_t index;
	uint32_t run;
	uint64_t sent; /* TSC */
};

struct run {
	uint32_t number;
	uint64_t sent, refused, received, wrong;
	uint64_t first; /* TSC of the first that came back, 0: none */
	uint64_t longest;
};

static struct frame *frames[2];
static unsigned int frame_count[2];
static struct rte_mempool *pool;
static uint64_t buckets[BUCKETS];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-generator: %s: %s\n", what, why);
	exit(1);
}

/* ---------------------------------------------------------------- packets */

static void read_frames(const char *path, unsigned int set)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	pcap_t *file = pcap_open_offline(path, why);

	frames[set] = calloc(FRAMES_MAX, sizeof(*frames[set]));
	if (file == NULL || frames[set] == NULL)
		die(path, file == NULL ? why : "no memory");
	while (frame_count[set] < FRAMES_MAX && pcap_next_ex(file, &header, &bytes) == 1) {
		struct frame *frame = &frames[set][frame_count[set]++];
		if (header->caplen > sizeof(frame->bytes) || header->caplen < sizeof(struct mark))
			die(path, "a frame is not between 16 and 2,048 bytes long");
		frame->length = (uint16_t)header->caplen;
		memcpy(frame->bytes, bytes, header->caplen);
	}
	pcap_close(file);
	if (frame_count[set] == 0 || frame_count[set] != frame_count[0])
		die(path, "expected as many frames as in the first file, and one at least");
}

static struct rte_mbuf *make_packet(uint32_t run, uint64_t number)
{
	const struct frame *frame = &frames[0][number % frame_count[0]];
	struct mark mark = { (uint32_t)(number % frame_count[0]), run, rte_rdtsc() };
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	char *to = mbuf == NULL ? NULL : rte_pktmbuf_append(mbuf, frame->length);

	if (to == NULL)
		die("packet", "no buffer");
	memcpy(to, frame->bytes, frame->length - sizeof(mark));
	memcpy(to + frame->length - sizeof(mark), &mark, sizeof(mark));
	return mbuf;
}

static void send_burst(struct run *run, unsigned int count)
{
	struct rte_mbuf *mbufs[BURST];

	for (unsigned int i = 0; i < count; i++)
		mbufs[i] = make_packet(run->number, run->sent + i);
	unsigned int taken = rte_eth_tx_burst(0, 0, mbufs, (uint16_t)count);
	run->sent += count;
	run->refused += count - taken;
	for (; taken < count; taken++)
		rte_pktmbuf_free(mbufs[taken]);
}

static unsigned int bucket_of(uint64_t ticks)
{
	unsigned int top = ticks < 16 ? 4 : 63 - (unsigned int)__builtin_clzll(ticks);

	return ticks < 16 ? (unsigned int)ticks
			  : (top << 4 | ((unsigned int)(ticks >> (top - 4)) & 15));
}

/* The middle of a bucket's ticks. */
static double bucket_ticks(unsigned int bucket)
{
	unsigned int top = bucket >> 4;

	return bucket < 16 ? bucket : (double)((16ull | (bucket & 15)) << (top - 4)) * 1.03;
}

static bool is_right(const uint8_t *bytes, uint16_t length, const struct mark *mark)
{
	const struct frame *frame;

	if (mark->index >= frame_count[0])
		return false;
	if (frames[1] == NULL)
		return true;
	frame = &frames[1][mark->index];
	return frame->length == length && memcmp(frame->bytes, bytes, length - sizeof(*mark)) == 0;
}

/* What is not of this run, such as a router's own announcements, does not count. */
static void take(struct run *run)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int count = rte_eth_rx_burst(1, 0, mbufs, BURST);
	uint64_t now = rte_rdtsc();

	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *bytes = rte_pktmbuf_mtod(mbufs[i], const uint8_t *);
		uint16_t length = rte_pktmbuf_data_len(mbufs[i]);
		struct mark mark;
		if (length >= sizeof(mark) + 14) {
			memcpy(&mark, bytes + length - sizeof(mark), sizeof(mark));
			uint64_t ticks = now - mark.sent;
			if (mark.run == run->number && mark.sent < now &&
			    ticks < 100 * rte_get_tsc_hz()) {
				run->received++;
				run->wrong += !is_right(bytes, length, &mark);
				run->first = run->first == 0 ? now : run->first;
				run->longest = RTE_MAX(run->longest, ticks);
				buckets[bucket_of(ticks)]++;
			}
		}
		rte_pktmbuf_free(mbufs[i]);
	}
}

/* What is sent to us where we send: announcements. */
static void drain(void)
{
	struct rte_mbuf *mbufs[BURST];

	rte_pktmbuf_free_bulk(mbufs, rte_eth_rx_burst(0, 0, mbufs, BURST));
}

/* ---------------------------------------------------------------- one run */

static double percentile(const struct run *run, double share)
{
	uint64_t wanted = (uint64_t)((double)run->received * share), seen = 0;

	for (unsigned int i = 0; i < BUCKETS; i++) {
		seen += buckets[i];
		if (seen > wanted)
			return bucket_ticks(i) * 1e9 / (double)rte_get_tsc_hz();
	}
	return 0;
}

/* CLOCK_MONOTONIC of a time stamp, in nanoseconds; 0 stays 0. */
static uint64_t monotonic(uint64_t tsc)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	double ago = (double)(rte_rdtsc() - tsc) * 1e9 / (double)rte_get_tsc_hz();
	return tsc == 0 ? 0 : (uint64_t)((double)now.tv_sec * 1e9 + (double)now.tv_nsec - ago);
}

static void report(const struct run *run, double seconds)
{
	printf("{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"received\": %" PRIu64
	       ", \"lost\": %" PRId64 ", \"wrong\": %" PRIu64 ", \"pps\": %.0f, \"first_ns\": %" PRIu64
	       ", \"p50_ns\": %.0f, \"p90_ns\": %.0f, \"p99_ns\": %.0f, \"p999_ns\": %.0f"
	       ", \"max_ns\": %.0f}\n",
	       run->sent, run->refused, run->received,
	       (int64_t)(run->sent - run->refused - run->received), run->wrong,
	       (double)run->sent / seconds, monotonic(run->first), percentile(run, 0.5),
	       percentile(run, 0.9), percentile(run, 0.99), percentile(run, 0.999),
	       (double)run->longest * 1e9 / (double)rte_get_tsc_hz());
	fflush(stdout);
}

/* Packets are sent one by one when they are due; after a pause of the machine at most a burst at once. */
static void run(double rate, double seconds)
{
	static uint32_t number = 0x52554e00;
	struct run run = { .number = ++number };
	uint64_t hz = rte_get_tsc_hz(), start, end, now, skipped = 0;

	memset(buckets, 0, sizeof(buckets));
	start = rte_rdtsc();
	end = start + (uint64_t)(seconds * (double)hz);
	while ((now = rte_rdtsc()) < end) {
		uint64_t due = (uint64_t)((double)(now - start) * rate / (double)hz) - skipped;
		uint64_t count = due > run.sent ? due - run.sent : 0;
		if (count > BURST) {
			skipped += count - BURST;
			count = BURST;
		}
		if (count != 0)
			send_burst(&run, (unsigned int)count);
		else if (rate < SLOW)
			rte_delay_us_sleep(1);
		take(&run);
		drain();
	}
	double took = (double)(rte_rdtsc() - start) / (double)hz;
	for (end = rte_rdtsc() + hz * SETTLE_MS / 1000; rte_rdtsc() < end;)
		take(&run);
	report(&run, took);
}

static void start_port(uint16_t port)
{
	struct rte_eth_conf configuration = { .txmode.mq_mode = RTE_ETH_MQ_TX_NONE };

	if (rte_eth_dev_configure(port, 1, 1, &configuration) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, RING, SOCKET_ID_ANY, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, RING, SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(port) != 0)
		die("port", rte_strerror(rte_errno));
}

/* A memif comes up when both ends are there. */
static void wait_for_link(uint16_t port)
{
	struct rte_eth_link link = { .link_status = 0 };
	uint64_t end = rte_rdtsc() + 20 * rte_get_tsc_hz();

	while (!link.link_status) {
		if (rte_eth_link_get_nowait(port, &link) != 0 || rte_rdtsc() > end)
			die("port", "no link within 20 s");
		rte_delay_us_sleep(10000);
	}
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	char line[128];
	double rate, seconds;

	if (used < 0 || argc - used < 2 || rte_eth_dev_count_avail() < 2)
		die("usage", "EAL-OPTIONS (two ports) -- IN.pcap [EXPECTED.pcap]");
	argv += used;
	argc -= used;
	for (int i = 1; i < argc && i <= 2; i++)
		read_frames(argv[i], (unsigned int)i - 1);
	pool = rte_pktmbuf_pool_create("packets", POOL, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		die("buffers", rte_strerror(rte_errno));
	for (uint16_t port = 0; port < 2; port++)
		start_port(port);
	for (uint16_t port = 0; port < 2; port++)
		wait_for_link(port);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "run %lf %lf", &rate, &seconds) != 2 || rate < 1 || seconds <= 0)
			die("expected `run RATE SECONDS`", line);
		run(rate, seconds);
	}
	return 0;
}
