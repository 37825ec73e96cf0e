/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/call.h"

#include <errno.h>
#include "controlplane/api/config.h"

static struct arguments arguments; /* of the call at hand: large; one thread */

/* ---- what may be asked ---- */

static bool may_change(const struct call *call, struct outcome *outcome)
{
	if (call->peer >= PEER_CHANGE)
		return true;
	error_set(&outcome->error, ERROR_REFUSED, -EPERM,
		  "%.64s: only root and group shunt-admin may change", call->method);
	outcome_refuse(outcome);
	return false;
}

/* We open files with our own rights, so who is not our own user gets at /etc/shunt alone. */
static bool may_name(const struct call *call, const char *path, struct error *error)
{
	static const char directory[] = "/etc/shunt/";
	const char *name = path + sizeof(directory) - 1;

	if (*path != '/')
		return !error_set(error, ERROR_USAGE, -EINVAL,
				  "file: '%.256s' is relative; expected an absolute path", path);
	if (call->peer == PEER_OWNER ||
	    (call->peer == PEER_CHANGE && !strncmp(path, directory, sizeof(directory) - 1) &&
	     *name && !strchr(name, '/')))
		return true;
	return !error_set(error, ERROR_REFUSED, -EACCES,
			  "file: '%.256s': only root may name files outside /etc/shunt", path);
}

/* Document or file of apply and diff. */
static bool take_source(const struct call *call, struct config_source *source, struct error *error)
{
	source->document = arguments.document;
	source->path = argument_present(&arguments, CONFIG_FILE)
			       ? arguments.value[CONFIG_FILE].string
			       : NULL;
	if (source->document)
		return true;
	if (!source->path)
		return !error_set(error, ERROR_USAGE, -EINVAL,
				  "%s: expected \"config\" or \"file\"", call->method);
	return may_name(call, source->path, error);
}

/* ---- batch, apply, rollback: begun here, then stepped ---- */

static json_t *end_batch(struct api *api, struct batch *batch, struct error *error)
{
	json_t *result = batch_result(batch);

	(void)api;
	(void)error;
	batch_free(batch);
	return result;
}

static struct batch *begin_batch(const struct call *call, struct error *error)
{
	json_t *commands = NULL;
	int atomic = 0, keep_going = 0;
	unsigned int flags;
	json_error_t why;

	if (!call->params ||
	    json_unpack_ex(call->params, &why, JSON_STRICT, "{s:o,s?b,s?b}", "commands", &commands,
			   "atomic", &atomic, "continue", &keep_going) ||
	    !json_is_array(commands)) {
		error_set(error, ERROR_USAGE, -EINVAL,
			  "batch: expected {\"commands\": [lines], \"atomic\": bool, "
			  "\"continue\": bool}%s%s",
			  call->params && *why.text ? ": " : "", call->params ? why.text : "");
		return NULL;
	}
	flags = (atomic ? (unsigned int)BATCH_ATOMIC : 0) |
		(keep_going ? (unsigned int)BATCH_CONTINUE : 0);
	return call->lines->line ? batch_from_lines(call->api, call->lines, flags)
				 : batch_from_json(call->api, commands, flags, error);
}

static struct batch *begin_apply(const struct call *call, struct error *error)
{
	struct config_source source;
	uint64_t confirm = argument_present(&arguments, CONFIG_CONFIRM)
				   ? arguments.value[CONFIG_CONFIRM].number
				   : 0;

	return take_source(call, &source, error) ? config_apply(call->api, &source, confirm, error)
						 : NULL;
}

static const struct command *long_command(const char *method)
{
	const struct command *command = command_by_method(method);

	return command && (command->id == COMMAND_CONFIG_APPLY ||
			   command->id == COMMAND_CONFIG_ROLLBACK)
		       ? command
		       : NULL;
}

static bool is_long(const struct call *call)
{
	return !strcmp(call->method, "batch") || long_command(call->method);
}

bool call_is_apart(const struct call *call)
{
	return is_long(call) || !strncmp(call->method, "config ", 7);
}

static void begin_long(const struct call *call, struct call_state *state, struct outcome *outcome)
{
	const struct command *command = long_command(call->method);
	struct error *error = &outcome->error;
	int rc;

	if (!may_change(call, outcome))
		return;
	rc = command ? command_from_json(command, call->params, &arguments, error) : 0;
	if (!rc && !command) {
		state->batch = begin_batch(call, error);
		state->end = end_batch;
	} else if (!rc && command->id == COMMAND_CONFIG_APPLY) {
		state->batch = begin_apply(call, error);
		state->end = config_applied;
	} else if (!rc) {
		state->batch = config_rollback(call->api, error);
		state->end = config_rolled_back;
	}
	if (!state->batch)
		outcome_refuse(outcome);
}

static bool step_long(const struct call *call, struct call_state *state, struct outcome *outcome,
		      uint64_t deadline)
{
	if (!state->batch)
		begin_long(call, state, outcome);
	if (outcome->failed)
		return true;
	if (!batch_step(state->batch, deadline))
		return false;
	outcome->result = state->end(call->api, state->batch, &outcome->error);
	state->batch = NULL;
	if (!outcome->result)
		outcome_refuse(outcome);
	return true;
}

static struct view view_of(const struct call *call)
{
	struct model *model = call->api->model;

	return (struct view){ model_tables(model), model_state(model), model,
			      model_tables_region(model), model_state_region(model) };
}

static int call_config(const struct call *call, struct outcome *outcome)
{
	struct error *error = &outcome->error;
	struct config_source source;
	const char *path;

	switch (arguments.command->id) {
	case COMMAND_CONFIG_SHOW:
		return config_show(call->api, &outcome->text, error);
	case COMMAND_CONFIG_SAVE:
		path = argument_present(&arguments, CONFIG_FILE)
			       ? arguments.value[CONFIG_FILE].string
			       : NULL;
		if (path && !may_name(call, path, error))
			return -EACCES;
		outcome->result = json_pack("{s:s}", "file", path ? path : call->api->config_path);
		return config_save(call->api, path, error);
	case COMMAND_CONFIG_DIFF:
		if (take_source(call, &source, error))
			outcome->result = config_diff(call->api, &source, error);
		return outcome->result ? 0 : error->code;
	default:
		return config_confirm(call->api, error);
	}
}

static int call_look(const struct call *call, struct outcome *outcome)
{
	struct view view = view_of(call);

	outcome->result = view_show(&view, &arguments, &outcome->error);
	return outcome->result ? 0 : outcome->error.code;
}

/* ---- `mpls show`, which may be long ---- */

static void end_listing(struct call_state *state, struct outcome *outcome, int status)
{
	if (status > 0)
		outcome->text = state->listing->text;
	else
		outcome_refuse(outcome);
	free(state->listing);
	state->listing = NULL;
}

static bool step_listing(const struct call *call, struct call_state *state, struct outcome *outcome,
			 uint64_t deadline)
{
	struct error *error = &outcome->error;
	struct view view = view_of(call);
	int status = 0;

	if (!state->listing) {
		state->listing = calloc(1, sizeof(*state->listing));
		if (!state->listing)
			abort();
		status = command_from_json(command_by_id(COMMAND_MPLS_SHOW), call->params,
					   &arguments, error);
		if (!status)
			status = label_listing_begin(state->listing, &view, &arguments, error);
	}
	while (!status) {
		status = label_listing_step(state->listing, &view, error);
		if (!status && queue_clock() >= deadline)
			return false;
	}
	end_listing(state, outcome, status);
	return true;
}

/* ---- `tunnel show` and `pseudowire show`, too ---- */

static bool is_tunnels(const struct call *call)
{
	return !strcmp(call->method, "tunnel show") || !strcmp(call->method, "pseudowire show");
}

static bool step_tunnels(const struct call *call, struct call_state *state, struct outcome *outcome,
			 uint64_t deadline)
{
	struct error *error = &outcome->error;
	struct view view = view_of(call);
	/* of other calls in between */
	int status = command_from_json(command_by_method(call->method), call->params, &arguments, error);

	if (!state->tunnels)
		state->tunnels = calloc(1, sizeof(*state->tunnels));
	if (!state->tunnels)
		abort();
	while (!status) {
		status = tunnel_listing_step(state->tunnels, &view, &arguments, error);
		if (!status && queue_clock() >= deadline)
			return false;
	}
	if (status > 0)
		outcome->text = state->tunnels->text;
	else
		outcome_refuse(outcome);
	free(state->tunnels);
	state->tunnels = NULL;
	return true;
}

/* ---- the others, done at once ---- */

static void call_short(const struct call *call, struct outcome *outcome)
{
	const struct command *command = command_by_method(call->method);
	int rc;

	if (!command) {
		outcome_fail(outcome, RPC_METHOD_NOT_FOUND, "no method '%.64s'", call->method);
		return;
	}
	if (command->access == ACCESS_CHANGE && !may_change(call, outcome))
		return;
	rc = command_from_json(command, call->params, &arguments, &outcome->error);
	if (!rc && !strcmp(command->noun, "config"))
		rc = call_config(call, outcome);
	else if (!rc && command->access == ACCESS_LOOK)
		rc = call_look(call, outcome);
	else if (!rc)
		rc = unit_execute(call->unit, call->api, &arguments, NULL, &outcome->error);
	if (!rc && command->access == ACCESS_CHANGE && !outcome->result && !outcome->text.used)
		outcome->result = model_reply(call->api->model);
	if (rc)
		outcome_refuse(outcome);
}

bool call_step(const struct call *call, struct call_state *state, struct outcome *outcome,
	       uint64_t deadline)
{
	if (is_long(call))
		return step_long(call, state, outcome, deadline);
	if (!strcmp(call->method, "mpls show"))
		return step_listing(call, state, outcome, deadline);
	if (is_tunnels(call))
		return step_tunnels(call, state, outcome, deadline);
	call_short(call, outcome);
	return true;
}
