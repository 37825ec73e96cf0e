/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controlplane/api/config-file.h"
#include "controlplane/api/log.h"
#include "controlplane/object/event.h"

/* ---- sources ---- */

static int document_load(json_t **document, const char *path, struct error *error)
{
	json_error_t why;

	*document = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (*document)
		return 0;
	if (json_error_code(&why) == json_error_cannot_open_file)
		return error_set(error, ERROR_REFUSED, -ENOENT, "%s", why.text);
	return error_set(error, ERROR_USAGE, -EINVAL, "%s: line %d, column %d: %s", path, why.line,
			 why.column, why.text);
}

int config_load(struct configuration *configuration, const char *path, struct error *error)
{
	struct error why = { .column = -1 };
	json_t *document;
	int rc = document_load(&document, path, error);

	if (rc)
		return rc;
	rc = configuration_from_json(configuration, document, &why);
	if (rc)
		error_set(error, ERROR_USAGE, rc, "%.100s: %.400s", path, why.text);
	json_decref(document);
	return rc;
}

static int source_load(struct configuration *configuration, const struct config_source *source,
		       struct error *error)
{
	if (source->document)
		return configuration_from_json(configuration, source->document, error);
	return config_load(configuration, source->path, error);
}

struct running {
	struct configuration *configuration;
	struct arguments *arguments;
	struct error *error;
};

static int take_running(void *context, const struct arguments *arguments)
{
	struct running *running = context;
	struct arguments *copy = running->arguments;

	/* The struct is large and there may be a million: only what is used. Strings stay where
	 * they are, in the visitor's text. */
	copy->command = arguments->command;
	copy->present = arguments->present;
	copy->path_count = arguments->path_count;
	if (arguments->present != 0)
		memcpy(copy->value, arguments->value,
		       (64 - (unsigned int)__builtin_clzll(arguments->present)) *
			       sizeof(copy->value[0]));
	memcpy(copy->path, arguments->path, arguments->path_count * sizeof(copy->path[0]));
	return configuration_take(running->configuration, copy, running->error);
}

static int running_load(struct api *api, struct configuration *configuration, struct error *error)
{
	static struct arguments arguments; /* large; one thread */
	struct running running = { configuration, &arguments, error };
	int rc = model_configuration(api->model, take_running, &running);

	return rc == -ENOMEM ? error_set(error, ERROR_REFUSED, rc, "config: out of memory") : rc;
}

int config_show(struct api *api, struct buffer *buffer, struct error *error)
{
	struct configuration running = { 0 };
	int rc = running_load(api, &running, error);

	if (!rc)
		configuration_to_json(&running, buffer);
	configuration_free(&running);
	return rc;
}

/* ---- save ---- */

int config_save(struct api *api, const char *path, struct error *error)
{
	struct buffer text = { 0 };
	int rc = config_show(api, &text, error);

	if (!path) {
		path = api->config_path;
		file_make_parent(path);
	}
	if (!rc && (rc = file_replace(path, text.data, text.used, 0640)))
		error_set(error, ERROR_REFUSED, rc, "%s: %s", path, strerror(-rc));
	if (!rc)
		model_event(api->model, EVENT_CONFIG, "", "saved to %s", path);
	buffer_free(&text);
	return rc;
}

/* ---- diff ---- */

/* Lines as a list of {command, params, text}. */
static json_t *list_commands(const struct buffer *lines)
{
	static struct arguments arguments; /* large; one thread */
	json_t *list = json_array();
	char *at = lines->data, *end;

	for (; lines->used && at < lines->data + lines->used; at = end + 1) {
		struct error error = { 0 };
		char method[64];

		end = memchr(at, '\n', (size_t)(lines->data + lines->used - at));
		*end = 0;
		if (command_parse(at, &arguments, &error))
			continue;
		snprintf(method, sizeof(method), "%s %s", arguments.command->noun,
			 arguments.command->verb);
		json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "command", method, "params",
						      command_to_json(&arguments), "text", at));
	}
	return list;
}

static int difference_load(struct api *api, const struct config_source *source,
			   struct configuration_difference *difference, struct error *error)
{
	struct configuration running = { 0 }, wished = { 0 };
	int rc = source_load(&wished, source, error);

	if (!rc)
		rc = running_load(api, &running, error);
	if (!rc)
		configuration_difference(&running, &wished, difference);
	configuration_free(&running);
	configuration_free(&wished);
	return rc;
}

json_t *config_diff(struct api *api, const struct config_source *source, struct error *error)
{
	struct configuration_difference difference;
	json_t *result;

	if (difference_load(api, source, &difference, error))
		return NULL;
	result = json_pack("{s:o,s:o,s:o}", "add", list_commands(&difference.add), "delete",
			   list_commands(&difference.remove), "change",
			   list_commands(&difference.change));
	configuration_difference_free(&difference);
	return result;
}

/* ---- apply ---- */

static struct batch *start_apply(struct api *api, const struct config_source *source,
				 struct error *error)
{
	struct configuration_difference difference;
	struct buffer lines = { 0 };

	if (difference_load(api, source, &difference, error))
		return NULL;
	/* a route that is changed leaves its old network before that goes */
	buffer_add(&lines, difference.change.data, difference.change.used);
	buffer_add(&lines, difference.remove.data, difference.remove.used);
	buffer_add(&lines, difference.add.data, difference.add.used);
	configuration_difference_free(&difference);
	return batch_from_text(api, &lines, BATCH_ATOMIC | BATCH_REORDER);
}

/* The running configuration and the deadline go to rollback.json before anything changes. */
static int rollback_prepare(struct api *api, uint64_t confirm, struct error *error)
{
	uint64_t deadline = clock_boottime() + confirm;
	struct buffer text = { 0 };
	char head[96];
	int rc;

	snprintf(head, sizeof(head),
		 "{\"deadline_ns\": %llu, \"config\": ", (unsigned long long)deadline);
	buffer_add_string(&text, head);
	rc = config_show(api, &text, error);
	buffer_add_string(&text, "}\n");
	if (!rc && (rc = file_replace(api->rollback_path, text.data, text.used, 0640)))
		error_set(error, ERROR_REFUSED, rc, "%s: %s", api->rollback_path, strerror(-rc));
	if (!rc)
		api->rollback_deadline = deadline;
	buffer_free(&text);
	return rc;
}

/* Of a path that is too long, its end, from a whole character on. */
static void name_source(struct batch *batch, const char *path)
{
	size_t length = strlen(path), most = sizeof(batch->source) - 4;
	const char *from = path;

	if (length > most)
		for (from = path + length - most; ((unsigned char)*from & 0xc0) == 0x80;)
			from++;
	snprintf(batch->source, sizeof(batch->source), "%s%s", from > path ? "..." : "", from);
}

struct batch *config_apply(struct api *api, const struct config_source *source, uint64_t confirm,
			   struct error *error)
{
	struct batch *batch;

	if (api->rollback_deadline) {
		error_set(error, ERROR_REFUSED, -EBUSY,
			  "config apply: the last one waits for `config confirm` or `config "
			  "rollback`");
		return NULL;
	}
	batch = start_apply(api, source, error);
	if (batch && source->path && !source->document)
		name_source(batch, source->path);
	if (batch && confirm && rollback_prepare(api, confirm, error)) {
		batch_free(batch);
		return NULL;
	}
	return batch;
}

/* The batch's outcome, and its end. */
static json_t *finish(struct batch *batch, struct error *error)
{
	json_t *first = json_array_get(batch->errors, 0), *result = NULL;

	if (first)
		error_set(error, ERROR_REFUSED, batch->first_code,
			  "config: %s; nothing was changed",
			  json_string_value(json_object_get(first, "message")));
	else
		result = json_pack("{s:I}", "changed", (json_int_t)batch->done);
	batch_free(batch);
	return result;
}

json_t *config_applied(struct api *api, struct batch *batch, struct error *error)
{
	char source[sizeof(batch->source)];

	memcpy(source, batch->source, sizeof(source));
	json_t *result = finish(batch, error);
	if (!result) {
		rollback_forget(api);
		return NULL;
	}
	model_event(api->model, EVENT_CONFIG, "", "applied%s%s: %s%lld commands",
		    *source ? " from " : "", source,
		    api->rollback_deadline ? "to be confirmed, " : "",
		    (long long)json_integer_value(json_object_get(result, "changed")));
	if (api->rollback_deadline)
		rollback_arm(api);
	return result;
}

/* ---- confirm and rollback ---- */

static int nothing_pending(struct error *error)
{
	return error_set(error, ERROR_REFUSED, -ENOENT,
			 "config: nothing waits for confirmation: `config apply FILE confirm T` "
			 "begins it");
}

int config_confirm(struct api *api, struct error *error)
{
	if (!api->rollback_deadline)
		return nothing_pending(error);
	rollback_forget(api);
	model_event(api->model, EVENT_CONFIG, "", "confirmed");
	return 0;
}

struct batch *config_rollback(struct api *api, struct error *error)
{
	struct config_source source = { 0 };
	struct batch *batch;
	json_t *file;

	if (!api->rollback_deadline) {
		nothing_pending(error);
		return NULL;
	}
	if (document_load(&file, api->rollback_path, error))
		return NULL;
	source.document = json_object_get(file, "config");
	batch = start_apply(api, &source, error);
	json_decref(file);
	return batch;
}

json_t *config_rolled_back(struct api *api, struct batch *batch, struct error *error)
{
	json_t *result = finish(batch, error);

	if (result) {
		log_info("config: rolled back");
		model_event(api->model, EVENT_CONFIG, "", "rolled back");
		rollback_forget(api);
	}
	return result;
}
