/* SPDX-License-Identifier: BSD-3-Clause
 *
 * main.c: shunt-controlplane. It stays in the foreground, as systemd wants it; says `ready` when
 * the journal is replayed and the socket is open; ends with status 0 on SIGTERM and leaves the
 * tables as they are.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "controlplane/api/config.h"
#include "controlplane/api/log.h"
#include "controlplane/api/server.h"
#include "controlplane/housekeeping.h"
#include "controlplane/metrics-http.h"
#include "controlplane/object/event.h"
#include "controlplane/start.h"

struct options {
	const char *instance, *run_dir, *config, *events, *metrics;
};

static void usage(FILE *to)
{
	fprintf(to, "usage: shunt-controlplane [--instance NAME] [--run-dir DIR] [--config FILE] "
		    "[--events TO] [--metrics ADDR] [--foreground]\n"
		    "  --instance NAME  instance to control (default)\n"
		    "  --run-dir DIR    directory of all instances' run directories (/run/shunt)\n"
		    "  --config FILE    configuration where there is no journal "
		    "(/etc/shunt/NAME.json)\n"
		    "  --events TO      write events as JSON lines too: stderr, syslog or none "
		    "(none)\n"
		    "  --metrics ADDR   answer GET /metrics on PORT of 127.0.0.1, IPV4:PORT or "
		    "[IPV6]:PORT\n"
		    "  --foreground     accepted; it always stays in the foreground\n"
		    "  --version        print the version\n");
}

/* 0: go on; else the exit status + 1. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option list[] = {
		{ "instance", required_argument, NULL, 'i' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "config", required_argument, NULL, 'c' },
		{ "events", required_argument, NULL, 'e' },
		{ "metrics", required_argument, NULL, 'm' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (option == 'i') {
			options->instance = optarg;
		} else if (option == 'r') {
			options->run_dir = optarg;
		} else if (option == 'c') {
			options->config = optarg;
		} else if (option == 'e') {
			options->events = optarg;
		} else if (option == 'm') {
			options->metrics = optarg;
		} else if (option == 'v') {
			printf("shunt-controlplane %s\n", SHUNT_VERSION);
			return 1;
		} else if (option != 'f') {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 1 : 3;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 3;
	}
	return 0;
}

static int choose_sink(const char *to)
{
	static const char *const words[] = {
		[EVENT_SINK_NONE] = "none",
		[EVENT_SINK_STDERR] = "stderr",
		[EVENT_SINK_SYSLOG] = "syslog",
	};

	for (unsigned int i = 0; to && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(to, words[i]) == 0) {
			event_sink_set((enum event_sink)i);
			return 0;
		}
	}
	if (to)
		log_error("--events %s: expected stderr, syslog or none", to);
	return to ? -EINVAL : 0;
}

static void on_signal(evutil_socket_t number, short events, void *context)
{
	(void)number;
	(void)events;
	event_base_loopbreak(context);
}

static int run(struct api *api, const char *metrics)
{
	struct event *terminate = evsignal_new(api->base, SIGTERM, on_signal, api->base);
	struct event *interrupt = evsignal_new(api->base, SIGINT, on_signal, api->base);
	struct metrics_http *http = NULL;
	struct housekeeping *housekeeping;
	char error[REGION_ERROR_SIZE];
	struct server *server;
	int rc;

	event_priority_set(terminate, PRIORITY_PROTOCOL);
	event_priority_set(interrupt, PRIORITY_PROTOCOL);
	event_add(terminate, NULL);
	event_add(interrupt, NULL);
	rc = housekeeping_open(&housekeeping, api, error);
	if (!rc && metrics && (rc = metrics_http_open(&http, api, metrics, error)))
		housekeeping_close(housekeeping);
	if (!rc && (rc = server_open(&server, api, error))) {
		metrics_http_close(http);
		housekeeping_close(housekeeping);
	}
	if (rc) {
		log_error("%s", error);
		return rc;
	}
	config_resume(api);
	start_tell_ready();
	event_base_dispatch(api->base);
	queue_close(&api->queue); /* nothing is left half done */
	server_close(server);
	metrics_http_close(http);
	housekeeping_close(housekeeping);
	config_close(api);
	event_free(terminate);
	event_free(interrupt);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	char error[REGION_ERROR_SIZE];
	struct api api = { .journal = { .fd = -1 } };
	int rc = parse_options(argc, argv, &options);

	if (rc)
		return rc - 1;
	if (choose_sink(options.events))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write(2) */
	umask(0027);
	rc = start_open(&api, options.run_dir, options.instance, options.config, error);
	if (rc) {
		log_error("%s", error);
		return 1;
	}
	rc = run(&api, options.metrics);
	start_close(&api);
	return rc ? 1 : 0;
}
