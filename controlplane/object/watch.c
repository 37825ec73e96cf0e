/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include "dataplane/shm/watch-program.h"
#include "model.h"

/* ---------------------------------------------------------------- programs */

/* One instruction; where the text goes on, or NULL. */
static const char *parse_instruction(const char *text, struct watch_instruction *instruction)
{
	unsigned int code, jump_true, jump_false, k;
	int length = 0;

	if (sscanf(text, "%5u %3u %3u %10u%n", &code, &jump_true, &jump_false, &k, &length) != 4 ||
	    length == 0 || code > UINT16_MAX || jump_true > UINT8_MAX || jump_false > UINT8_MAX)
		return NULL;
	*instruction = (struct watch_instruction){ .code = (uint16_t)code,
						   .jump_true = (uint8_t)jump_true,
						   .jump_false = (uint8_t)jump_false,
						   .k = k };
	return text + length;
}

static bool is_runnable(const struct watch_instruction *program, int count)
{
	struct bpf_insn copy[WATCH_PROGRAM_MAX];

	for (int i = 0; i < count; i++)
		copy[i] = (struct bpf_insn){ .code = program[i].code,
					     .jt = program[i].jump_true,
					     .jf = program[i].jump_false,
					     .k = program[i].k };
	return watch_program_runs(copy, (unsigned int)count);
}

int watch_program(const char *text, struct watch_instruction *program, struct error *error)
{
	const char *at = text;
	int count = 0;

	for (;;) {
		at = count < WATCH_PROGRAM_MAX ? parse_instruction(at, &program[count]) : NULL;
		if (at == NULL || (*at != ',' && *at != 0))
			return refuse(
				error, -EINVAL,
				"program: instruction %d: expected up to %d times \"code jt jf "
				"k\" with commas between, as `tcpdump -ddd` prints them",
				count + 1, WATCH_PROGRAM_MAX);
		count++;
		if (*at++ == 0)
			break;
	}
	if (!is_runnable(program, count))
		return refuse(error, -EINVAL,
			      "program: %d instructions that jump or read where they must not, or "
			      "do not end",
			      count);
	return count;
}

/* ---------------------------------------------------------------- wishes */

static int fill(struct model *model, const struct watch_request *request, struct watch_wish *wish,
		struct error *error)
{
	wish->interface = WATCH_ANY;
	if (request->port != NULL) {
		const struct interface_object *interface =
			interface_get(model, request->port, error);
		if (interface == NULL)
			return -ENOENT;
		wish->interface = interface->index;
	}
	if (request->program != NULL) {
		int count = watch_program(request->program, wish->program, error);
		if (count < 0)
			return count;
		wish->program_length = (uint32_t)count;
	}
	wish->deadline = model_now(model) + request->timeout;
	wish->count = request->count;
	wish->options = request->options;
	return 0;
}

static int publish(struct model *model, struct watch_object *object, _Atomic uint64_t *word,
		   struct watch_wish *wish, struct error *error)
{
	uint64_t size = sizeof(*wish) + wish->program_length * sizeof(wish->program[0]);
	uint64_t offset = heap_allocate(model->heap, size);

	if (offset == 0)
		return refuse_full(model, error, "watch", 0, 1);
	/* another one than any that workers have seen, of earlier control planes too */
	wish->generation = model_now(model);
	memcpy(heap_object(model->heap, offset), wish, size);
	watch_stop(model, object, word);
	word_store(word, offset);
	*object = (struct watch_object){ .offset = offset,
					 .size = size,
					 .generation = wish->generation,
					 .deadline = wish->deadline };
	return 0;
}

int watch_begin(struct model *model, struct watch_object *object, _Atomic uint64_t *word,
		const struct watch_request *request, struct error *error)
{
	struct watch_wish *wish =
		calloc(1, sizeof(*wish) + WATCH_PROGRAM_MAX * sizeof(wish->program[0]));

	if (wish == NULL)
		return refuse(error, -ENOMEM, "watch: out of memory");
	int result = fill(model, request, wish, error);
	if (result == 0)
		result = publish(model, object, word, wish, error);
	free(wish);
	return result;
}

void watch_renew(struct model *model, struct watch_object *object, uint64_t timeout)
{
	struct watch_wish *wish = heap_object(model->heap, object->offset);

	object->deadline = model_now(model) + timeout;
	word_store(&wish->deadline, object->deadline);
}

void watch_stop(struct model *model, struct watch_object *object, _Atomic uint64_t *word)
{
	if (object->offset == 0)
		return;
	word_store(word, 0);
	heap_free(model->heap, object->offset, object->size);
	object->offset = 0;
}

void watch_forget(struct model *model)
{
	word_store(&model->tables->control.trace, 0);
	word_store(&model->tables->control.capture, 0);
}

void watch_poll(struct model *model)
{
	if (model->trace.offset != 0 && model_now(model) >= model->trace.deadline)
		watch_stop(model, &model->trace, &model->tables->control.trace);
	if (model->capture.offset != 0 && model_now(model) >= model->capture.deadline)
		watch_stop(model, &model->capture, &model->tables->control.capture);
}

/* ---------------------------------------------------------------- trace */

/* `trace N ...`; 0 ends it. */
static int trace(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct value *value = arguments->value;
	struct watch_request request = {
		.count = value[TRACE_COUNT].number,
		.timeout = argument_present(arguments, TRACE_TIMEOUT) ? value[TRACE_TIMEOUT].number
								      : TRACE_TIMEOUT_USUAL,
	};

	if (!model->settled)
		return 0;
	if (request.count == 0) {
		watch_stop(model, &model->trace, &model->tables->control.trace);
		return 0;
	}
	if (argument_present(arguments, TRACE_PORT)) {
		const struct interface_object *port =
			interface_get(model, value[TRACE_PORT].string, error);
		if (port == NULL)
			return -ENOENT;
		if (port->kind != INTERFACE_PORT)
			return refuse(error, -EINVAL,
				      "trace: %s is a %s; expected a port that packets come in by",
				      port->name, interface_kind_name(port->kind));
		request.port = port->name;
	}
	if (argument_present(arguments, TRACE_PROGRAM))
		request.program = value[TRACE_PROGRAM].string;
	else if (argument_present(arguments, TRACE_MATCH))
		return refuse(error, -EINVAL,
			      "trace: match: shuntctl makes a program of it: expected \"program\"");
	int result =
		watch_begin(model, &model->trace, &model->tables->control.trace, &request, error);
	if (result == 0)
		model->reply =
			json_pack("{s:I}", "generation", (json_int_t)model->trace.generation);
	return result;
}

const struct handler trace_handler = { trace, NULL };
