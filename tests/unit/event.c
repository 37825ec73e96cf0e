/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The ring of events: order, what is overwritten, what a follower asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "controlplane/object/model.h"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct model));
	return *state == NULL;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void add(struct model *model, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		model_event(model, i % 2 == 0 ? EVENT_LINK : EVENT_JOIN, "p0", "event %u", i);
}

/* The list's texts are "event first", "event first + step", ... */
static void check(json_t *list, unsigned int first, unsigned int count, unsigned int step)
{
	char text[32];
	uint64_t before = 0;

	assert_int_equal(json_array_size(list), count);
	for (unsigned int i = 0; i < count; i++) {
		json_t *row = json_array_get(list, i);
		uint64_t number = (uint64_t)json_integer_value(json_object_get(row, "number"));
		snprintf(text, sizeof(text), "event %u", first + i * step);
		assert_string_equal(json_string_value(json_object_get(row, "text")), text);
		assert_true(number > before);
		before = number;
	}
	json_decref(list);
}

static void newest_are_kept(void **state)
{
	struct model *model = *state;

	check(event_list(&model->events, 0, UINT64_MAX, EVENT_KINDS), 0, 0, 1);
	add(model, 0, 3);
	check(event_list(&model->events, 0, UINT64_MAX, EVENT_KINDS), 0, 3, 1);
	add(model, 3, EVENT_MAX);
	check(event_list(&model->events, 0, UINT64_MAX, EVENT_KINDS), 3, EVENT_MAX, 1);
	check(event_list(&model->events, 0, 5, EVENT_KINDS), EVENT_MAX - 2, 5, 1);
}

static void one_kind(void **state)
{
	struct model *model = *state;

	add(model, 0, 10);
	check(event_list(&model->events, 0, UINT64_MAX, EVENT_LINK), 0, 5, 2);
	check(event_list(&model->events, 0, 2, EVENT_JOIN), 7, 2, 2);
	check(event_list(&model->events, 0, UINT64_MAX, EVENT_TUNNEL), 0, 0, 1);
}

static void a_follower_misses_nothing(void **state)
{
	struct model *model = *state;

	add(model, 0, 4);
	uint64_t next = model->events.last + 1;
	check(event_list(&model->events, next, UINT64_MAX, EVENT_KINDS), 0, 0, 1);
	add(model, 4, 3);
	check(event_list(&model->events, next, UINT64_MAX, EVENT_KINDS), 4, 3, 1);
}

/* A clock that was set back does not make a follower see an event twice or never. */
static void numbers_grow(void **state)
{
	struct model *model = *state;

	model->events.last = UINT64_MAX / 4; /* long after now */
	add(model, 0, 3);
	check(event_list(&model->events, UINT64_MAX / 4, UINT64_MAX, EVENT_KINDS), 0, 3, 1);
}

/* A text that is too long ends with a whole character: a path of 2 to 4 bytes each, cut at every place. */
static void long_text(void **state)
{
	static const char *const characters[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x9f" };
	struct model *model = *state;

	for (unsigned int i = 0; i < 12; i++) {
		const char *character = characters[i / 4];
		size_t size = strlen(character);
		char path[4 * EVENT_TEXT_MAX + 4];
		size_t used = i % 4;
		memset(path, 'x', used);
		for (unsigned int k = 0; k < EVENT_TEXT_MAX; k++, used += size)
			memcpy(path + used, character, size);
		path[used] = '\0';
		model_event(model, EVENT_CONFIG, "", "%s", path);
		json_t *list = event_list(&model->events, 0, 1, EVENT_CONFIG);
		const char *text =
			json_string_value(json_object_get(json_array_get(list, 0), "text"));
		assert_int_equal(strncmp(text, path, strlen(text)), 0);
		assert_in_range(strlen(text), EVENT_TEXT_MAX - 4, EVENT_TEXT_MAX - 1);
		json_decref(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(newest_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_follower_misses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_grow, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
