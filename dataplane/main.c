/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-dataplane: start-up and end. What it does in between: worker.c (the workers), control.c (the
 * thread that keeps house), port/link.c (the thread that watches links), port/exchange.c (the thread that
 * carries frames to and from the kernel).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pdump.h>
#include <rte_version.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include "dataplane/control.h"
#include "dataplane/log.h"
#include "dataplane/options.h"
#include "dataplane/port/plan.h"
#include "dataplane/port/queues.h"
#include "dataplane/shm/epoch.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/hand_over.h"
#include "dataplane/telemetry.h"

enum {
	EXIT_USAGE = 2,
	END_SECONDS = 10, /* a device that takes longer to close is left to the kernel */
	POOL_CACHE = 256,
};

static struct dataplane dataplane = {
	.doorbell = -1,
	.tables_lock = PTHREAD_MUTEX_INITIALIZER,
};

/* All that a signal may do is to store: the control thread sees it within its turn, workers in theirs. */
static void on_signal(int number)
{
	(void)number;
	atomic_store(&dataplane.stop, true);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		if (dataplane.worker[i] != NULL)
			atomic_store(&dataplane.worker[i]->stop, true);
}

static void on_alarm(int number)
{
	static const char text[] = "warning: closing the ports takes too long: ending without\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(0);
	_exit(0);
}

static void set_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL); /* the doorbell, after the control plane's death */
	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, NULL);
}

/* The file is ours from here on. Before the tables are mapped: nobody of us reads them yet. */
static int own_state(const struct options *options)
{
	char error[REGION_ERROR_SIZE] = "";
	bool created = false;

	int result = region_place(&dataplane.place, options->run_dir, options->instance, error);
	if (result == 0)
		result = region_own(&dataplane.state_region, &dataplane.place, REGION_STATE, 0,
				    &created, error);
	if (result == -EBUSY) {
		log_error("instance %s has a data plane already (%s)", dataplane.place.instance,
			  error);
		return result;
	}
	if (result != 0) {
		log_error("%s", error);
		return result;
	}
	dataplane.state = dataplane.state_region.base;
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		epoch_offline(&dataplane.state->worker[i]);
	_Atomic uint64_t *generation = &dataplane.state->control.generation;
	word_store(generation, word_load(generation) + 1);
	steer_instance(dataplane.place.instance, dataplane.place.directory);
	steer_clean_instance();
	log_info("instance %s: %s state in %s, generation %" PRIu64, dataplane.place.instance,
		 created ? "new" : "earlier", dataplane.place.directory, word_load(generation));
	return 0;
}

static int start_eal(const struct options *options)
{
	static char *argv[EAL_ARGUMENT_MAX]; /* EAL keeps pointers into them */
	int count = options_eal(options, &dataplane.place, argv);

	if (count < 0) {
		log_error("EAL arguments: %s", strerror(-count));
		return count;
	}
	if (rte_eal_init(count, argv) < 0) {
		log_error("EAL does not start: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	/* for dpdk-dumpcap, where EAL lets other processes in; elsewhere this does nothing */
	if (rte_pdump_init() != 0)
		log_warning("dpdk-dumpcap will find nothing here: %s", rte_strerror(rte_errno));
	dataplane.worker_count = rte_lcore_count();
	if (dataplane.worker_count > CONTROL_ROW) {
		log_error("%u lcores: expected at most %d", dataplane.worker_count, CONTROL_ROW);
		return -E2BIG;
	}
	return 0;
}

static int make_pool(const struct options *options)
{
	struct device_pools *pools = &dataplane.pools;

	pools->mbufs = options_mbufs(options, dataplane.worker_count);
	pools->normal = queues_pool("packets", pools->mbufs, POOL_CACHE, BUFFER_ROOM);
	if (pools->normal == NULL) {
		log_error("%u packet buffers of %d bytes: %s", pools->mbufs, BUFFER_ROOM,
			  rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}

/* Memory that grows with the workers; then everybody may look at their rows. So the label counters of
 * spaces that have some come first: readers take all rows of such a space to be there. */
static int allocate_state(void)
{
	struct state_control *control = &dataplane.state->control;
	uint64_t spaces = word_load(&control->spaces_ready);
	int result = region_allocate_workers(&dataplane.state_region, dataplane.worker_count);

	for (unsigned int space = 0; result == 0 && space < LABEL_SPACE_MAX; space++)
		if ((spaces >> space & 1) != 0)
			result = region_allocate_labels(&dataplane.state_region,
							dataplane.worker_count, space);
	for (uint32_t i = 0; result == 0 && i < FILTER_MAX; i++)
		result = region_allocate_filter(
			&dataplane.state_region, dataplane.worker_count, i,
			(uint32_t)word_load(&dataplane.state->filter_ready[i]));
	/* rows of tunnels that were there before: there may be more workers now */
	uint32_t ready = (uint32_t)word_load(&control->interfaces_ready);
	if (result == 0 && ready > INTERFACE_FIRST_TUNNEL)
		result = region_allocate_interfaces(&dataplane.state_region,
						    dataplane.worker_count, INTERFACE_FIRST_TUNNEL,
						    ready);
	if (result == 0 && ready < INTERFACE_FIRST_TUNNEL)
		word_store(&control->interfaces_ready, INTERFACE_FIRST_TUNNEL);
	atomic_store(&dataplane.state->port_live[PORT_VIRTUAL], 1);
	if (result != 0) {
		log_error("state file: memory for %u workers: %s", dataplane.worker_count,
			  strerror(-result));
		return result;
	}
	snprintf(control->version, sizeof(control->version), "shunt " SHUNT_VERSION ", %s",
		 rte_version());
	word_store(&control->tsc_hz, rte_get_tsc_hz());
	/* never lowered: what earlier workers counted stays in the totals */
	if (dataplane.worker_count > word_load(&control->worker_count))
		word_store(&control->worker_count, dataplane.worker_count);
	word_store(&control->workers_running, dataplane.worker_count);
	return 0;
}

static int make_worker(const struct options *options, unsigned int lcore, unsigned int id)
{
	struct worker *worker = rte_zmalloc_socket("worker", sizeof(*worker), CACHE_LINE,
						   (int)rte_lcore_to_socket_id(lcore));

	if (worker == NULL)
		return -ENOMEM;
	int result = worker_init(worker, id, dataplane.state, dataplane.pools.normal,
				 options->busy_poll, options->punt_rate);
	if (result == 0)
		result = host_init(worker, exchange_ring(dataplane.exchange, id),
				   exchange_bell(dataplane.exchange), options->host_rate);
	if (result != 0)
		return result;
	worker->workers = dataplane.worker_count;
	word_store(&dataplane.state->worker[id].lcore, lcore);
	dataplane.worker[id] = worker;
	return 0;
}

/* Worker 0 is the main lcore's. */
static int make_workers(const struct options *options)
{
	unsigned int lcore, id = 1;
	int result = make_worker(options, rte_get_main_lcore(), 0);

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (result == 0)
			result = make_worker(options, lcore, id++);
	}
	if (result != 0) {
		log_error("worker %u: %s", id - 1, strerror(-result));
		return result;
	}
	result = hand_over_init(dataplane.worker, dataplane.worker_count);
	if (result != 0) {
		log_error("rings between workers: %s", strerror(-result));
		return result;
	}
	/* all spaces that had counters before: there may be more workers now */
	uint64_t spaces = word_load(&dataplane.state->control.spaces_ready) | 1;
	for (unsigned int space = 0; space < LABEL_SPACE_MAX; space++)
		if ((spaces >> space & 1) != 0)
			control_space(&dataplane, space);
	for (uint32_t i = 0; i < FILTER_MAX; i++)
		control_filter(&dataplane, i,
			       (uint32_t)word_load(&dataplane.state->filter_ready[i]));
	return 0;
}

static int start(const struct options *options)
{
	int result = start_eal(options);

	if (result == 0)
		result = make_pool(options);
	if (result == 0)
		result = allocate_state();
	if (result == 0) {
		dataplane.exchange = exchange_new(dataplane.worker_count);
		if (dataplane.exchange == NULL)
			result = -EIO;
	}
	if (result == 0)
		result = make_workers(options);
	if (result == 0)
		result = telemetry_start(&dataplane);
	if (result == 0) {
		port_start(&dataplane);
		dataplane.links = link_watch_new(dataplane.state);
		if (dataplane.links == NULL)
			result = -EIO;
	}
	return result;
}

/* Poll on every lcore, this one included, until a signal comes. */
static int run(void)
{
	unsigned int lcore, id = 1;
	pthread_t control;

	RTE_LCORE_FOREACH_WORKER(lcore)
	rte_eal_remote_launch(worker_run, dataplane.worker[id++], lcore);
	int result =
		rte_ctrl_thread_create(&control, "shunt-control", NULL, control_run, &dataplane);
	if (result != 0) {
		log_error("control thread: %s", strerror(-result));
		on_signal(SIGTERM);
	}
	if (atomic_load(
		    &dataplane.stop)) /* the signal may have come before the workers were there */
		on_signal(SIGTERM);
	worker_run(dataplane.worker[0]);
	(void)sd_notify(0, "STOPPING=1");
	alarm(END_SECONDS);
	rte_eal_mp_wait_lcore();
	hand_over_end(dataplane.worker, dataplane.worker_count);
	if (result == 0)
		pthread_join(control, NULL);
	return result;
}

static void finish(void)
{
	link_watch_delete(dataplane.links);
	exchange_delete(dataplane.exchange);
	port_close_all(&dataplane);
	plan_free(&dataplane);
	pthread_mutex_lock(&dataplane.tables_lock); /* telemetry answers until EAL ends */
	dataplane.tables = NULL;
	region_close(&dataplane.tables_region);
	pthread_mutex_unlock(&dataplane.tables_lock);
	const char *runtime = rte_eal_get_runtime_dir();
	rte_eal_cleanup();
	(void)rmdir(
		runtime); /* ours alone by its prefix; stays if the user had EAL keep files there */
	region_close(&dataplane.state_region);
	log_info("ended");
}

int main(int argc, char **argv)
{
	struct options options;
	int result = options_parse(&options, argc, argv);

	if (result != 0)
		return result > 0 ? 0 : EXIT_USAGE;
	dataplane.tables_region.fd = -1;
	set_signals();
	if (own_state(&options) != 0 || start(&options) != 0)
		return 1;
	result = run();
	finish();
	return result != 0 ? 1 : 0;
}
