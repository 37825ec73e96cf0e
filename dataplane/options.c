/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/options.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_version.h>
#include "dataplane/log.h"

enum {
	MBUFS_MINIMUM = 1024,
	MBUFS_MAXIMUM = 16 << 20,
	MBUFS_BASE = 16384,
	MBUFS_PER_WORKER = 16384,
	PUNT_RATE_DEFAULT = 1000,
	HOST_RATE_DEFAULT = 10000,
	PUNT_RATE_MAXIMUM = 100000000,
};

static const char usage_text[] =
	"usage: shunt-dataplane [EAL options] -- [options]\n"
	"  --instance NAME       instance, \"default\" unless given\n"
	"  --run-dir DIR         where instances keep their files, /run/shunt unless given\n"
	"  --poll busy|adaptive  adaptive (default): idle workers sleep\n"
	"  --mbufs N             packet buffers, 16384 and 16384 more per worker unless given\n"
	"  --punt-rate N         packets a second to the control plane, per reason and worker "
	"(1000);\n                        twenty times as many of IGMP and of MLD\n"
	"  --host-rate N         packets a second to the kernel, per mirrored port, class and "
	"worker (10000)\n"
	"EAL options are DPDK's, such as -l 0,1 (one worker on each); `-h --` lists them.\n";

static int parse_number(const char *name, const char *text, unsigned long low, unsigned long high,
			unsigned int *number)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < low ||
	    value > high) {
		fprintf(stderr, "error: --%s %s: expected a number from %lu to %lu\n", name, text,
			low, high);
		return -EINVAL;
	}
	*number = (unsigned int)value;
	return 0;
}

static int parse_poll(struct options *options, const char *text)
{
	if (strcmp(text, "busy") != 0 && strcmp(text, "adaptive") != 0) {
		fprintf(stderr, "error: --poll %s: expected busy or adaptive\n", text);
		return -EINVAL;
	}
	options->busy_poll = strcmp(text, "busy") == 0;
	return 0;
}

static int parse_one(struct options *options, int option)
{
	switch (option) {
	case 'i':
		options->instance = optarg;
		return 0;
	case 'r':
		options->run_dir = optarg;
		return 0;
	case 'p':
		return parse_poll(options, optarg);
	case 'm':
		return parse_number("mbufs", optarg, MBUFS_MINIMUM, MBUFS_MAXIMUM, &options->mbufs);
	case 'u':
		return parse_number("punt-rate", optarg, 1, PUNT_RATE_MAXIMUM, &options->punt_rate);
	case 'k':
		return parse_number("host-rate", optarg, 1, PUNT_RATE_MAXIMUM, &options->host_rate);
	case 'h':
		fputs(usage_text, stdout);
		return 1;
	case 'V':
		printf("shunt-dataplane " SHUNT_VERSION ", %s\n", rte_version());
		return 1;
	default:
		fputs(usage_text, stderr);
		return -EINVAL;
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "instance", required_argument, NULL, 'i' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "poll", required_argument, NULL, 'p' },
		{ "mbufs", required_argument, NULL, 'm' },
		{ "punt-rate", required_argument, NULL, 'u' },
		{ "host-rate", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int split = 1, option, result = 0;

	*options =
		(struct options){ .punt_rate = PUNT_RATE_DEFAULT, .host_rate = HOST_RATE_DEFAULT };
	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	options->eal = argv + 1;
	options->eal_count = split - 1;
	if (split == argc) {
		/* without `--`, only these two are ours */
		if (argc != 2 ||
		    (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "--version") != 0))
			return 0;
		return parse_one(options, argv[1][2] == 'h' ? 'h' : 'V');
	}
	argv[split] = argv[0];
	optind = 1;
	while (result == 0 &&
	       (option = getopt_long(argc - split, argv + split, "", known, NULL)) != -1)
		result = parse_one(options, option);
	if (result == 0 && optind < argc - split) {
		fprintf(stderr, "error: %s: expected an option\n", argv[split + optind]);
		result = -EINVAL;
	}
	optind = 1; /* EAL uses getopt too */
	return result;
}

unsigned int options_mbufs(const struct options *options, unsigned int worker_count)
{
	return options->mbufs != 0 ? options->mbufs : MBUFS_BASE + MBUFS_PER_WORKER * worker_count;
}

/* Did the user give EAL this option? `name` is "-l" or "--file-prefix". */
static bool given(const struct options *options, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < options->eal_count; i++) {
		const char *argument = options->eal[i];
		if (strncmp(argument, name, length) != 0)
			continue;
		/* a short option's value may follow at once, a long one's after `=` */
		if (name[1] != '-' || argument[length] == '\0' || argument[length] == '=')
			return true;
	}
	return false;
}

static bool given_any(const struct options *options, const char *const *names)
{
	for (; *names != NULL; names++)
		if (given(options, *names))
			return true;
	return false;
}

/* Bytes of free hugepages, all sizes. */
static uint64_t hugepages_free(void)
{
	static const char directory[] = "/sys/kernel/mm/hugepages";
	uint64_t total = 0;
	DIR *sizes = opendir(directory);

	if (sizes == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(sizes)) != NULL;) {
		char path[512];
		uint64_t kilobytes, count = 0;
		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kilobytes) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", directory, entry->d_name);
		FILE *file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%" SCNu64, &count) == 1)
			total += count * kilobytes * 1024;
		fclose(file);
	}
	closedir(sizes);
	return total;
}

struct arguments {
	char **argv;
	int count;
	int result;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments,
						      const char *format, ...)
{
	va_list values;

	if (arguments->count >= EAL_ARGUMENT_MAX - 1)
		arguments->result = -E2BIG;
	if (arguments->result != 0)
		return;
	va_start(values, format);
	if (vasprintf(&arguments->argv[arguments->count], format, values) < 0)
		arguments->result = -ENOMEM;
	else
		arguments->argv[++arguments->count] = NULL;
	va_end(values);
}

/* Which processor, unless the user says: the last that this process may use, since a machine's other
 * work prefers the first. */
static unsigned int default_cpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (unsigned int cpu = CPU_SETSIZE; cpu-- > 0;)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return 0;
}

static void add_memory(struct arguments *arguments, const struct options *options)
{
	static const char *const chosen[] = {
		"--no-huge",     "--huge-dir",   "--in-memory",
		"--legacy-mem",  "--socket-mem", "--single-file-segments",
		"--huge-unlink", "-m",           NULL
	};
	/* as many workers as there may be: the lcores are not known yet */
	uint64_t mbufs = options_mbufs(options, 2), free = hugepages_free();
	uint64_t bytes = mbufs * (BUFFER_ROOM + 256) + mbufs / JUMBO_SHARE * (JUMBO_ROOM + 256);
	uint64_t need = (bytes >> 20) + 128;

	if (!given_any(options, chosen) && free >> 20 >= need) {
		add(arguments, "--in-memory");
		return;
	}
	if (need < EAL_MEMORY_MB)
		need = EAL_MEMORY_MB;
	if (!given_any(options, chosen)) {
		log_info("%" PRIu64 " MiB of hugepages are free: using %" PRIu64
			 " MiB of ordinary memory",
			 free >> 20, need);
		add(arguments, "--no-huge");
	} else if (!given(options, "--no-huge")) {
		return;
	}
	/* the counterpart of --in-memory, which goes with hugepages only */
	if (!given(options, "--no-shconf") && !given(options, "--in-memory"))
		add(arguments, "--no-shconf");
	if (!given(options, "-m"))
		add(arguments, "-m%" PRIu64, need);
}

/* So that the files of instances never meet. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 0x811c9dc5; /* FNV-1a */

	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 0x01000193;
	return hash;
}

int options_eal(const struct options *options, const struct region_place *place,
		char *argv[EAL_ARGUMENT_MAX])
{
	static const char *const lcores[] = { "-l", "-c", "-s", "-S", "--lcores", NULL };
	static const char *const pci[] = { "-a", "--allow", "-b", "--block", "--no-pci", NULL };
	struct arguments arguments = { .argv = argv };

	add(&arguments, "shunt-dataplane");
	if (!given_any(options, lcores))
		add(&arguments, "--lcores=0@%u", default_cpu());
	if (!given(options, "--telemetry") && !given(options, "--no-telemetry"))
		add(&arguments, "--no-telemetry");
	if (!given(options, "--file-prefix"))
		add(&arguments, "--file-prefix=shunt-%s-%08" PRIx32, place->instance,
		    hash_text(place->directory));
	/* An allow list with nothing of use on it: no device is taken at start, and rte_dev_probe still
	 * finds the one that a port names (after --no-pci it would not). */
	if (!given_any(options, pci))
		add(&arguments, "--allow=pci:0000:00:00.0");
	if (!given(options, "--log-level"))
		add(&arguments, "--log-level=lib.eal:error");
	add_memory(&arguments, options);
	for (int i = 0; i < options->eal_count; i++)
		add(&arguments, "%s", options->eal[i]);
	return arguments.result != 0 ? arguments.result : arguments.count;
}
