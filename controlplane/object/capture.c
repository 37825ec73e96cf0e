/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.c: the wish of a `shuntctl capture`, which lasts as long as that goes on asking for it.
 */
#include "dataplane/shm/capture.h"
#include "model.h"
#include "watch.h"

static bool given(const struct arguments *arguments, enum capture_parameter parameter)
{
	return argument_present(arguments, parameter);
}

/* What is to be seen: what was asked for, or what goes in and out and is lost. */
static uint32_t options_of(const struct arguments *arguments)
{
#define X(name) STAGE_##name,
	static const enum stage_id stages[] = { CAPTURE_STAGES(X) };
#undef X
	const struct value *value = arguments->value;
	uint32_t events = 0, stage = 0, snap = CAPTURE_SNAP_MAX;

	if (given(arguments, CAPTURE_PARAMETER_DROPPED))
		events |= 1u << CAPTURE_DROPPED;
	if (given(arguments, CAPTURE_PARAMETER_PUNTED))
		events |= 1u << CAPTURE_PUNTED | 1u << CAPTURE_CONSUMED;
	if (given(arguments, CAPTURE_PARAMETER_STAGE)) {
		stage = (uint32_t)stages[value[CAPTURE_PARAMETER_STAGE].number];
		events |= given(arguments, CAPTURE_PARAMETER_AFTER) ? 1u << CAPTURE_AFTER
								    : 1u << CAPTURE_BEFORE;
	}
	if (events == 0)
		events = 1u << CAPTURE_RECEIVED | 1u << CAPTURE_SENT | 1u << CAPTURE_DROPPED;
	if (given(arguments, CAPTURE_PARAMETER_SNAP))
		snap = (uint32_t)value[CAPTURE_PARAMETER_SNAP].number;
	return capture_options(events, stage, snap);
}

static int begin(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct value *value = arguments->value;
	struct watch_request request = {
		.timeout = CAPTURE_LEASE_NS,
		.options = options_of(arguments),
	};

	if (model->capture.offset != 0)
		return refuse(error, -EBUSY,
			      "capture: another one runs; if its shuntctl is gone, it ends within "
			      "%u s",
			      (unsigned int)(CAPTURE_LEASE_NS / 1000000000u));
	if (given(arguments, CAPTURE_PARAMETER_COUNT))
		request.count = value[CAPTURE_PARAMETER_COUNT].number;
	if (given(arguments, CAPTURE_PARAMETER_PORT))
		request.port = value[CAPTURE_PARAMETER_PORT].string;
	if (given(arguments, CAPTURE_PARAMETER_PROGRAM))
		request.program = value[CAPTURE_PARAMETER_PROGRAM].string;
	else if (given(arguments, CAPTURE_PARAMETER_MATCH))
		return refuse(
			error, -EINVAL,
			"capture: match: shuntctl makes a program of it: expected \"program\"");
	return watch_begin(model, &model->capture, &model->tables->control.capture, &request,
			   error);
}

/* `capture FILE ...` by a shuntctl that writes the file itself. */
static int capture(struct model *model, const struct arguments *arguments, struct error *error)
{
	uint64_t generation = arguments->value[CAPTURE_PARAMETER_GENERATION].number;
	bool known = given(arguments, CAPTURE_PARAMETER_GENERATION);
	int result = 0;

	if (!model->settled)
		return 0;
	if (given(arguments, CAPTURE_PARAMETER_AFTER) && !given(arguments, CAPTURE_PARAMETER_STAGE))
		return refuse(error, -EINVAL, "capture: after: expected `stage` before it");
	if (known && (model->capture.offset == 0 || model->capture.generation != generation))
		return refuse(error, -ENOENT, "capture %llu does not run",
			      (unsigned long long)generation);
	if (!known)
		result = begin(model, arguments, error);
	else if (given(arguments, CAPTURE_PARAMETER_STOP))
		watch_stop(model, &model->capture, &model->tables->control.capture);
	else
		watch_renew(model, &model->capture, CAPTURE_LEASE_NS);
	if (result == 0)
		model->reply = json_pack("{s:I}", "generation",
					 (json_int_t)model->capture.generation);
	return result;
}

const struct handler capture_handler = { capture, NULL };
