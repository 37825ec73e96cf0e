/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/start.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "controlplane/api/config.h"
#include "controlplane/api/log.h"
#include "controlplane/object/event.h"
#include "controlplane/api/unit.h"

enum { TEXT_MAX = 131072, COMPLAINTS_MAX = 10 };

/* ---- compaction ---- */

static int write_command(void *context, const struct arguments *arguments)
{
	struct journal_writer *writer = context;
	char *text = buffer_reserve(&writer->buffer, TEXT_MAX);
	int length = command_to_text(arguments, text, TEXT_MAX - 1);

	if (length < 0)
		return length;
	text[length] = '\n';
	writer->buffer.used += (size_t)length + 1;
	return journal_spill(writer);
}

static int write_model(void *context, struct journal_writer *writer)
{
	return model_configuration(context, write_command, writer);
}

int api_compact(struct api *api)
{
	char path[sizeof(api->journal.path)];

	snprintf(path, sizeof(path), "%s/journal", api->place.directory);
	return journal_rewrite(&api->journal, path, write_model, api->model);
}

/* ---- the journal ---- */

/* The journal is compacted right away, so what was left out of the model is in the old one alone. */
static void keep_old_journal(const struct api *api)
{
	char path[sizeof(api->journal.path)], kept[sizeof(path) + 16], fresh[sizeof(path) + 20];

	snprintf(path, sizeof(path), "%s/journal", api->place.directory);
	snprintf(kept, sizeof(kept), "%s.left-out", path);
	snprintf(fresh, sizeof(fresh), "%s.new", kept);
	unlink(fresh);
	if (link(path, fresh) || rename(fresh, kept))
		log_error("journal: the old one could not be kept as %s: %s", kept,
			  strerror(errno));
	else
		log_warning("journal: the old one is kept as %s", kept);
}

/* What fails is told, counted and left out: the rest of the configuration is worth having. */
static void replay(struct api *api, const struct journal_lines *lines)
{
	static struct arguments arguments; /* large */
	struct error first = { 0 };
	size_t failed = 0, first_line = 0;

	for (size_t i = 0; i < lines->count; i++) {
		struct error error = { 0 };

		if (!command_parse(lines->line[i], &arguments, &error) &&
		    !model_execute(api->model, &arguments, &error))
			continue;
		if (!failed) {
			first = error;
			first_line = i;
		}
		if (failed++ < COMPLAINTS_MAX)
			log_warning("journal: '%.200s': %s", lines->line[i], error.text);
	}
	if (failed) {
		log_warning("journal: %zu of %zu lines were left out, first '%.200s': %s", failed,
			    lines->count, lines->line[first_line], first.text);
		keep_old_journal(api);
	}
	if (lines->dropped)
		log_info(
			"journal: %zu lines of an atomic batch that was not complete were left out",
			lines->dropped);
}

/* Begin a compact journal; where that fails, go on with the old one. */
static int begin_journal(struct api *api, uint64_t valid_size, char error[REGION_ERROR_SIZE])
{
	char path[sizeof(api->journal.path)];
	int rc = api_compact(api);

	if (!rc)
		return 0;
	snprintf(path, sizeof(path), "%s/journal", api->place.directory);
	snprintf(error, REGION_ERROR_SIZE, "journal %s: %s", path, strerror(-rc));
	if (!valid_size)
		return rc;
	log_warning("%s; going on with the old one", error);
	return journal_open(&api->journal, path, valid_size);
}

/* ---- the configuration file ---- */

static int execute_lines(struct api *api, struct buffer *lines, char error[REGION_ERROR_SIZE])
{
	struct batch *batch = batch_from_text(api, lines, BATCH_ATOMIC);
	json_t *first;
	int rc = 0;

	/* The journal does not exist yet: the unit stays in the batch, and compaction writes it. */
	batch->journaled_elsewhere = true;
	batch_step(batch, UINT64_MAX);
	first = json_array_get(batch->errors, 0);
	if (first) {
		snprintf(error, REGION_ERROR_SIZE, "configuration: %s",
			 json_string_value(json_object_get(first, "message")));
		rc = -EINVAL;
	}
	batch_free(batch);
	return rc;
}

/* The configuration that is to be loaded where there is no journal: commands as lines. None is fine
 * unless it was asked for by name. */
static int read_config(struct api *api, const char *path, struct buffer *lines,
		       char error[REGION_ERROR_SIZE])
{
	struct configuration configuration = { 0 };
	struct error why = { 0 };
	int rc = 0;

	if (!path && access(api->config_path, F_OK))
		return 0;
	rc = config_load(&configuration, path ? path : api->config_path, &why);
	if (rc)
		snprintf(error, REGION_ERROR_SIZE, "%.500s", why.text);
	else
		configuration_commands(&configuration, lines);
	configuration_free(&configuration);
	return rc;
}

/* ---- start ---- */

static int prepare(struct api *api, const char *run_dir, const char *instance,
		   char error[REGION_ERROR_SIZE])
{
	int rc = region_place(&api->place, run_dir, instance, error);

	if (!rc)
		rc = region_place_make(&api->place, error);
	if (rc)
		return rc;
	snprintf(api->config_path, sizeof(api->config_path), "/etc/shunt/%s.json",
		 api->place.instance);
	snprintf(api->rollback_path, sizeof(api->rollback_path), "%s/rollback.json",
		 api->place.directory);
	return 0;
}

static int make_loop(struct api *api, char error[REGION_ERROR_SIZE])
{
	api->base = event_base_new();
	if (api->base && !event_base_priority_init(api->base, PRIORITY_COUNT) &&
	    !queue_open(&api->queue, api->base))
		return 0;
	snprintf(error, REGION_ERROR_SIZE, "event loop: %s", strerror(errno));
	return -ENOMEM;
}

/* Fill the model from what was read, a configuration from this path. */
static int fill(struct api *api, const struct journal_lines *lines, struct buffer *config,
		const char *path, char error[REGION_ERROR_SIZE])
{
	bool load = !lines->text && config->used;
	int rc = 0;

	if (lines->text)
		replay(api, lines);
	else if (load)
		rc = execute_lines(api, config, error);
	if (rc)
		return rc;
	if (load)
		model_event(api->model, EVENT_CONFIG, "", "loaded from %s", path);
	model_settle(api->model);
	model_event(api->model, EVENT_PROCESS, "", "control plane " SHUNT_VERSION " started");
	return begin_journal(api, lines->valid_size, error);
}

int start_open(struct api *api, const char *run_dir, const char *instance, const char *config,
	       char error[REGION_ERROR_SIZE])
{
	struct journal_lines lines = { 0 };
	struct buffer commands = { 0 };
	char path[sizeof(api->journal.path)];
	int rc = prepare(api, run_dir, instance, error);

	if (rc)
		return rc;
	/* Read everything before anything is touched: what cannot be read changes nothing. */
	snprintf(path, sizeof(path), "%s/journal", api->place.directory);
	rc = journal_read(&lines, path, error);
	if (rc == -ENOENT)
		rc = read_config(api, config, &commands, error);
	if (!rc)
		rc = make_loop(api, error);
	if (!rc)
		rc = model_open(&api->model, &api->place, 0, error);
	if (!rc && (rc = fill(api, &lines, &commands, config ? config : api->config_path, error))) {
		model_close(api->model);
		api->model = NULL;
	}
	journal_lines_free(&lines);
	buffer_free(&commands);
	return rc;
}

void start_close(struct api *api)
{
	journal_close(&api->journal);
	model_close(api->model);
	event_base_free(api->base);
}

/* systemd's protocol: one datagram to the socket named in the environment (sd_notify(3)). */
static void notify_systemd(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	int fd;

	if (length >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_warning("NOTIFY_SOCKET %s: %s", path, strerror(errno));
	close(fd);
}

void start_tell_ready(void)
{
	const char *notify = getenv("NOTIFY_SOCKET");

	puts("ready");
	fflush(stdout);
	if (notify)
		notify_systemd(notify);
}
