/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.c: packets to a file. The control plane is asked to have them captured, again and again while we
 * live; the data plane's rings are read here, from the file that everybody may map who may look.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/pcapng.h"
#include "cli/session.h"
#include "controlplane/object/packet_text.h"
#include "dataplane/shm/reason.h"

enum {
	ETHERNET = 14,
	CHUNK = 1 << 20,       /* bytes that are taken out of a worker's ring at once */
	LOOK_NS = 10000000,    /* between two looks into empty rings */
	SETTLE_NS = 20000000,  /* after which no worker captures for us any more */
	RECORDS_MAX = CHUNK / (int)sizeof(struct capture_record),
	COMMENT_SIZE = 192,
	OWN_MAX = 16, /* the last ones */
};
#define BEGIN_NS 3000000000u /* shorter than the lease */
#define RENEW_NS (CAPTURE_LEASE_NS / 6)

/* One worker's ring. */
struct reader {
	uint64_t position;
	uint64_t number; /* of the record that is next */
	uint64_t generation;
	uint8_t *chunk;
};

struct capturing {
	struct session *session;
	const struct arguments *arguments;
	struct error *error;
	json_t *params; /* of every call: names in the expression are looked up once */
	struct region tables_region, state_region;
	const struct tables *tables;
	const struct state *state;
	const char *name;
	FILE *file;
	uint64_t generation; /* of our wish */
	uint64_t own[OWN_MAX]; /* of our wishes: another control plane gives another one */
	unsigned int own_count;
	uint64_t renewal;    /* CLOCK_MONOTONIC, when it is renewed */
	uint64_t end;        /* ... when it is over */
	uint64_t limit, written, lost;
	uint64_t lost_before; /* the next packet that is written */
	uint32_t snap;
	uint32_t interfaces;                /* in the file */
	uint32_t numbered[INTERFACE_MAX];   /* by row: number in the file, from 1 */
	struct reader reader[WORKER_MAX];
	const struct capture_record *record[WORKER_MAX * RECORDS_MAX];
	unsigned int records;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void wait_ns(long length)
{
	const struct timespec time = { .tv_nsec = length };

	nanosleep(&time, NULL);
}

/* ---------------------------------------------------------------- the wish */

/* The expression becomes a program now: no name server is asked while the rings fill. */
static int make_params(struct capturing *capturing)
{
	const struct arguments *arguments = capturing->arguments;

	capturing->params = command_to_json(arguments);
	if (!argument_present(arguments, CAPTURE_PARAMETER_MATCH))
		return 0;
	return match_params(arguments->value[CAPTURE_PARAMETER_MATCH].string, capturing->params,
			    capturing->error);
}

/* Ask the control plane: begin, or with a generation go on or stop. */
static int ask(struct capturing *capturing, uint64_t generation, bool stop)
{
	json_t *params = json_copy(capturing->params), *result = NULL;

	if (generation != 0)
		json_object_set_new(params, "generation", json_integer((json_int_t)generation));
	if (stop)
		json_object_set_new(params, "stop", json_true());
	int code = client_call(capturing->session, "capture", params, &result, capturing->error);
	uint64_t answer = (uint64_t)json_integer_value(json_object_get(result, "generation"));
	json_decref(result);
	if (code == 0 && answer != capturing->generation)
		capturing->own[capturing->own_count++ % OWN_MAX] = answer;
	if (code == 0)
		capturing->generation = answer;
	return code;
}

/* A control plane that is away may come again; one that came again is asked anew. */
static int renew(struct capturing *capturing)
{
	capturing->renewal = monotonic_ns() + RENEW_NS;
	int code = ask(capturing, capturing->generation, false);
	if (code == -EPERM)
		code = ask(capturing, 0, false);
	return code == -ENOTCONN || code == -EIO || code == -ETIMEDOUT ? 0 : code;
}

/* ---------------------------------------------------------------- out of the rings */

static unsigned int rings(const struct capturing *capturing)
{
	uint64_t ready = word_load(&capturing->state->control.capture_ready);

	return ready < WORKER_MAX ? (unsigned int)ready : WORKER_MAX;
}

/* What was captured before us is not ours. */
static void skip_old(struct capturing *capturing)
{
	for (unsigned int i = 0; i < rings(capturing); i++)
		capturing->reader[i].position = atomic_load_explicit(
			&capturing->state->capture[i].tail, memory_order_acquire);
}

/* Was something missed before this record? A worker's numbers begin at 0, again if it begins again. */
static void account(struct capturing *capturing, struct reader *reader,
		    const struct capture_record *record)
{
	if (record->generation != reader->generation) {
		reader->generation = record->generation;
		reader->number = 0;
	}
	if (record->number > reader->number)
		capturing->lost_before += record->number - reader->number;
	reader->number = record->number + 1;
}

static bool is_own(const struct capturing *capturing, uint64_t generation)
{
	for (unsigned int i = 0; i < OWN_MAX && i < capturing->own_count; i++)
		if (capturing->own[i] == generation)
			return true;
	return false;
}

static int take_ring(struct capturing *capturing, unsigned int worker)
{
	struct reader *reader = &capturing->reader[worker];
	const struct capture_record *record;
	uint32_t at = 0;
	bool lost;

	if (reader->chunk == NULL)
		reader->chunk = malloc(CHUNK);
	if (reader->chunk == NULL)
		return -ENOMEM;
	uint32_t used = capture_read(&capturing->state->capture[worker], &reader->position,
				     reader->chunk, CHUNK, &lost);
	while ((record = capture_next(reader->chunk, used, &at)) != NULL) {
		if (!is_own(capturing, record->generation))
			continue;
		account(capturing, reader, record);
		capturing->record[capturing->records++] = record;
	}
	return 0;
}

/* ---------------------------------------------------------------- into the file */

static uint32_t number_interface(struct capturing *capturing, uint32_t row)
{
	char name[NAME_SIZE] = "";

	if (row >= INTERFACE_MAX)
		row = 0;
	if (capturing->numbered[row] == 0) {
		memcpy(name, capturing->tables->interface[row].name, sizeof(name) - 1);
		if (name[0] == '\0')
			snprintf(name, sizeof(name), "row %" PRIu32, row);
		pcapng_interface(capturing->file, name, capturing->snap);
		capturing->numbered[row] = ++capturing->interfaces;
	}
	return capturing->numbered[row] - 1;
}

/* NULL: nothing to say. */
static const char *comment_on(const struct capture_record *record, char text[COMMENT_SIZE])
{
	static const char *const consumers[] = {
#define X(name, text) text,
		WATCH_CONSUMERS(X)
#undef X
	};

	switch (record->event) {
	case CAPTURE_DROPPED:
		snprintf(text, COMMENT_SIZE, "dropped: %s (%s)", drop_reason_name(record->reason),
			 drop_reason_text(record->reason));
		return text;
	case CAPTURE_PUNTED:
		snprintf(text, COMMENT_SIZE, "to the control plane: %s (%s)",
			 punt_reason_name(record->reason), punt_reason_text(record->reason));
		return text;
	case CAPTURE_CONSUMED:
		return record->reason < WATCH_CONSUMED_COUNT ? consumers[record->reason] : NULL;
	case CAPTURE_BEFORE:
	case CAPTURE_AFTER:
		snprintf(text, COMMENT_SIZE, "%s %s",
			 record->event == CAPTURE_BEFORE ? "before" : "after",
			 stage_name(record->stage));
		return text;
	default:
		return NULL;
	}
}

static enum pcapng_direction direction_of(const struct capture_record *record)
{
	switch (record->event) {
	case CAPTURE_BEFORE:
	case CAPTURE_AFTER:
		return PCAPNG_UNKNOWN;
	case CAPTURE_SENT:
		return PCAPNG_OUTBOUND;
	default:
		return PCAPNG_INBOUND;
	}
}

static void write_record(struct capturing *capturing, const struct capture_record *record)
{
	static uint8_t with_ethernet[ETHERNET + UINT16_MAX];
	const uint8_t *bytes = (const uint8_t *)(record + 1);
	char comment[COMMENT_SIZE];
	struct pcapng_packet packet = {
		.interface = number_interface(capturing, record->interface),
		.time = record->time,
		.direction = direction_of(record),
		.length = record->length,
		.captured = record->captured,
		.bytes = bytes,
		.lost = capturing->lost_before,
		.comment = comment_on(record, comment),
	};

	/* dropped on its way into a tunnel: all of the file's frames have an Ethernet header */
	if (packet_start_of(bytes, record->captured, record->length) == PACKET_IP) {
		static const uint8_t types[2][2] = { { 0x08, 0x00 }, { 0x86, 0xdd } };
		memcpy(with_ethernet + ETHERNET - 2, types[bytes[0] >> 4 == 6], 2);
		memcpy(with_ethernet + ETHERNET, bytes, record->captured);
		packet.bytes = with_ethernet;
		packet.captured += ETHERNET;
		packet.length += ETHERNET;
	}
	pcapng_packet(capturing->file, &packet);
	capturing->lost += capturing->lost_before;
	capturing->lost_before = 0;
	capturing->written++;
}

static int earlier(const void *a, const void *b)
{
	const struct capture_record *first = *(const struct capture_record *const *)a;
	const struct capture_record *second = *(const struct capture_record *const *)b;

	if (first->time != second->time)
		return first->time < second->time ? -1 : 1;
	return first->number < second->number ? -1 : first->number > second->number;
}

/* What is in the rings now, in the order of time. Returns how many packets, or a negative errno. */
static int take_all(struct capturing *capturing)
{
	unsigned int i;

	capturing->records = 0;
	for (i = 0; i < rings(capturing); i++)
		if (take_ring(capturing, i) != 0)
			return error_set(capturing->error, ERROR_REFUSED, -ENOMEM,
					 "capture: no memory for what was captured");
	if (rings(capturing) > 1)
		qsort(capturing->record, capturing->records, sizeof(capturing->record[0]), earlier);
	for (i = 0; i < capturing->records; i++)
		if (capturing->limit == 0 || capturing->written < capturing->limit)
			write_record(capturing, capturing->record[i]);
	if (i > 0 && (fflush(capturing->file) != 0 || ferror(capturing->file)))
		return error_set(capturing->error, ERROR_REFUSED, -EPIPE, "capture: %s: %s",
				 capturing->name, strerror(errno));
	return (int)i;
}

/* Wait for the next look; false: who reads our pipe is gone, which nothing else says while nothing is written. */
static bool wait_look(const struct capturing *capturing)
{
	struct pollfd out = { .fd = fileno(capturing->file) };

	return poll(&out, 1, LOOK_NS / 1000000) <= 0 || (out.revents & POLLERR) == 0;
}

static bool is_over(const struct capturing *capturing)
{
	return interrupted || (capturing->limit != 0 && capturing->written >= capturing->limit) ||
	       (capturing->end != 0 && monotonic_ns() >= capturing->end);
}

static int capture_until_end(struct capturing *capturing)
{
	while (!is_over(capturing)) {
		if (monotonic_ns() >= capturing->renewal) {
			int code = renew(capturing);
			if (code != 0)
				return code;
		}
		int taken = take_all(capturing);
		if (taken < 0)
			return taken;
		if (taken == 0 && !wait_look(capturing))
			return error_set(capturing->error, ERROR_REFUSED, -EPIPE,
					 "capture: %s: %s", capturing->name, strerror(EPIPE));
	}
	return 0;
}

/* The wish is taken back; then what the workers have captured until then. */
static int finish(struct capturing *capturing)
{
	struct error ignored = { .kind = ERROR_NONE }, *error = capturing->error;
	int taken;

	capturing->error = &ignored;
	ask(capturing, capturing->generation, true); /* if it cannot be asked, its lease ends */
	capturing->error = error;
	wait_ns(SETTLE_NS);
	do
		taken = take_all(capturing);
	while (taken > 0 && (capturing->limit == 0 || capturing->written < capturing->limit));
	capturing->lost += capturing->lost_before;
	return taken < 0 ? taken : 0;
}

/* ---------------------------------------------------------------- beginning and end */

static int attach(struct capturing *capturing)
{
	const struct region_place *place = &capturing->session->place;
	char reason[REGION_ERROR_SIZE];

	if (region_attach(&capturing->tables_region, place, REGION_TABLES, reason) != 0 ||
	    region_attach(&capturing->state_region, place, REGION_STATE, reason) != 0)
		return error_set(capturing->error, ERROR_REFUSED, -ENOENT, "capture: %s", reason);
	if (!region_owner_alive(&capturing->state_region))
		return error_set(capturing->error, ERROR_REFUSED, -ENOENT,
				 "capture: no data plane of instance %s is running",
				 place->instance);
	capturing->tables = capturing->tables_region.base;
	capturing->state = capturing->state_region.base;
	return 0;
}

static int open_file(struct capturing *capturing)
{
	bool standard = strcmp(capturing->name, "-") == 0;

	if (standard && isatty(STDOUT_FILENO))
		return error_set(capturing->error, ERROR_USAGE, -EINVAL,
				 "capture -: standard output is a terminal, expected a pipe or file");
	capturing->file = standard ? stdout : fopen(capturing->name, "wb");
	if (capturing->file == NULL)
		return error_set(capturing->error, ERROR_REFUSED, -errno, "capture: %s: %s",
				 capturing->name, strerror(errno));
	pcapng_section(capturing->file, "shuntctl");
	fflush(capturing->file); /* who reads the pipe sees that it is there */
	return 0;
}

static uint64_t turns(const struct capturing *capturing, unsigned int worker)
{
	return counter_read(&capturing->state->worker[worker].turns);
}

/* Until every worker has looked at our wish. One that is stopped is not waited for longer than BEGIN_NS. */
static void wait_begun(const struct capturing *capturing)
{
	uint64_t end = monotonic_ns() + BEGIN_NS;
	uint64_t running = word_load(&capturing->state->control.workers_running);
	uint64_t before[WORKER_MAX];

	while (rings(capturing) < running && monotonic_ns() < end)
		wait_ns(LOOK_NS / 10);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		before[i] = turns(capturing, i);
	for (unsigned int i = 0; i < running && i < WORKER_MAX; i++)
		while (turns(capturing, i) < before[i] + 2 && monotonic_ns() < end)
			wait_ns(LOOK_NS / 10);
	fprintf(stderr, "# %s: capturing\n", capturing->name);
}

static int capture_between_signals(struct capturing *capturing)
{
	const struct sigaction stop = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
	struct sigaction interrupt, terminate, pipe;

	interrupted = 0;
	sigaction(SIGINT, &stop, &interrupt);
	sigaction(SIGTERM, &stop, &terminate);
	sigaction(SIGPIPE, &ignore, &pipe);
	int code = make_params(capturing);
	if (code == 0)
		code = ask(capturing, 0, false);
	if (code == 0) {
		wait_begun(capturing);
		code = capture_until_end(capturing);
		int last = finish(capturing);
		code = code != 0 ? code : last;
	}
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &terminate, NULL);
	sigaction(SIGPIPE, &pipe, NULL);
	return code;
}

static void say_what(const struct capturing *capturing)
{
	if (capturing->session->json && capturing->file != stdout)
		printf("{\"packets\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n", capturing->written,
		       capturing->lost);
	else
		fprintf(stderr, "# %s: %" PRIu64 " packets, %" PRIu64 " lost\n", capturing->name,
			capturing->written, capturing->lost);
}

static int capture(struct capturing *capturing)
{
	int code = attach(capturing);

	if (code == 0)
		code = open_file(capturing);
	if (code != 0)
		return code;
	skip_old(capturing);
	capturing->renewal = monotonic_ns() + RENEW_NS;
	code = capture_between_signals(capturing);
	if (code == 0)
		say_what(capturing);
	if (capturing->file != stdout && fclose(capturing->file) != 0 && code == 0)
		code = error_set(capturing->error, ERROR_REFUSED, -EIO, "capture: %s: %s",
				 capturing->name, strerror(errno));
	return code;
}

bool capture_wanted(const struct arguments *arguments)
{
	return arguments->command->id == COMMAND_CAPTURE;
}

int capture_run(struct session *session, const struct arguments *arguments, struct error *error)
{
	struct capturing *capturing = calloc(1, sizeof(*capturing));
	const struct value *value = arguments->value;

	if (capturing == NULL)
		return error_set(error, ERROR_REFUSED, -ENOMEM, "capture: no memory");
	capturing->session = session;
	capturing->arguments = arguments;
	capturing->error = error;
	capturing->tables_region.fd = capturing->state_region.fd = -1;
	capturing->name = value[CAPTURE_PARAMETER_FILE].string;
	capturing->snap = argument_present(arguments, CAPTURE_PARAMETER_SNAP)
				  ? (uint32_t)value[CAPTURE_PARAMETER_SNAP].number
				  : CAPTURE_SNAP_MAX;
	if (argument_present(arguments, CAPTURE_PARAMETER_COUNT))
		capturing->limit = value[CAPTURE_PARAMETER_COUNT].number;
	if (argument_present(arguments, CAPTURE_PARAMETER_DURATION))
		capturing->end = monotonic_ns() + value[CAPTURE_PARAMETER_DURATION].number;
	int code = capture(capturing);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		free(capturing->reader[i].chunk);
	region_close(&capturing->state_region);
	region_close(&capturing->tables_region);
	json_decref(capturing->params);
	free(capturing);
	return code;
}
