/* SPDX-License-Identifier: BSD-3-Clause
 *
 * api-client: how fast the control plane answers, with next to no work on this side of the socket.
 *
 *   api-client SOCKET batch [N] < LINES      commands in "batch" requests of N lines (all in one)
 *   api-client SOCKET single < REQUESTS      one JSON-RPC request a line, each after the answer before
 *
 * All requests are made before the clock starts. Prints one line of words and numbers:
 * requests N lines N seconds S median_us U p99_us U best_us U
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct request {
	char *text;
	size_t length, lines;
};

struct request_list {
	struct request *request;
	size_t count, capacity;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "api-client: %s: %s\n", what, why);
	exit(1);
}

static void *need(void *memory)
{
	if (memory == NULL)
		fail("memory", "not enough");
	return memory;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- requests */

static void add_request(struct request_list *list, char *text, size_t length, size_t lines)
{
	if (list->count == list->capacity) {
		list->capacity = 2 * list->capacity + 64;
		list->request =
			need(realloc(list->request, list->capacity * sizeof(*list->request)));
	}
	list->request[list->count++] = (struct request){ text, length, lines };
}

static void read_singles(struct request_list *list)
{
	char *line = NULL;
	size_t size = 0;

	for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;)
		add_request(list, need(strdup(line)), (size_t)length, 1);
	free(line);
}

/* Up to `limit` lines as one request, terminated by a newline. False: there were none. Lines need no
 * escapes: label routes have none of the characters that do. */
static bool read_batch(struct request_list *list, size_t limit)
{
	char *text = NULL, *line = NULL;
	size_t length = 0, size = 0, lines = 0;
	FILE *stream = need(open_memstream(&text, &length));

	fprintf(stream,
		"{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"batch\",\"params\":{\"commands\":[",
		list->count + 1);
	while (lines < limit) {
		ssize_t got = getline(&line, &size, stdin);
		if (got <= 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		fprintf(stream, "%s\"%s\"", lines++ > 0 ? "," : "", line);
	}
	fprintf(stream, "]}}\n");
	fclose(stream);
	free(line);
	if (lines > 0)
		add_request(list, text, length, lines);
	else
		free(text);
	return lines > 0;
}

/* ---------------------------------------------------------------- the socket */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		fail(path, "longer than a socket's address");
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail(path, strerror(errno));
	return fd;
}

static void send_all(int fd, const struct request *request)
{
	for (size_t sent = 0; sent < request->length;) {
		ssize_t part = send(fd, request->text + sent, request->length - sent, MSG_NOSIGNAL);
		if (part < 0 && errno != EINTR)
			fail("send", strerror(errno));
		sent += part > 0 ? (size_t)part : 0;
	}
}

static void receive_line(int fd, char **answer, size_t *size)
{
	size_t used = 0;

	for (;;) {
		if (*size - used < 65536) {
			*size = 2 * *size + 65536;
			*answer = need(realloc(*answer, *size));
		}
		ssize_t got = recv(fd, *answer + used, *size - used - 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fail("answer", got < 0 ? strerror(errno) : "the connection was closed");
		used += (size_t)got;
		if ((*answer)[used - 1] == '\n')
			break;
	}
	(*answer)[used] = '\0';
}

/* An answer must be a result, and of a batch nothing may have failed. */
static void check(const char *answer, const struct request *request, bool batch)
{
	json_t *json = json_loads(answer, 0, NULL);
	json_t *result = json_object_get(json, "result");

	if (result == NULL || json_object_get(json, "error") != NULL ||
	    (batch &&
	     json_integer_value(json_object_get(result, "done")) != (json_int_t)request->lines)) {
		fprintf(stderr, "api-client: refused: %.600s\n", answer);
		exit(1);
	}
	json_decref(json);
}

/* ---------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void report(const struct request_list *list, double *seconds, double total)
{
	size_t lines = 0, count = list->count;

	for (size_t i = 0; i < count; i++)
		lines += list->request[i].lines;
	qsort(seconds, count, sizeof(*seconds), compare);
	printf("requests %zu lines %zu seconds %.6f median_us %.1f p99_us %.1f best_us %.1f\n",
	       count, lines, total, 1e6 * seconds[count / 2], 1e6 * seconds[count * 99 / 100],
	       1e6 * seconds[0]);
}

static void run(int fd, const struct request_list *list, bool batch)
{
	double *seconds = need(calloc(list->count, sizeof(*seconds)));
	double total = 0;
	char *answer = NULL;
	size_t size = 0;

	for (size_t i = 0; i < list->count; i++) {
		double start = now();
		send_all(fd, &list->request[i]);
		receive_line(fd, &answer, &size);
		seconds[i] = now() - start;
		total += seconds[i];
		check(answer, &list->request[i], batch);
	}
	report(list, seconds, total);
	free(seconds);
	free(answer);
}

int main(int argc, char **argv)
{
	struct request_list list = { 0 };
	size_t limit = argc > 3 ? strtoul(argv[3], NULL, 10) : SIZE_MAX;
	bool batch = argc > 2 && strcmp(argv[2], "batch") == 0;

	if (argc < 3 || (!batch && strcmp(argv[2], "single") != 0) || limit == 0) {
		fprintf(stderr, "usage: api-client SOCKET batch [N] < LINES\n"
				"       api-client SOCKET single < REQUESTS\n");
		return 2;
	}
	if (batch)
		while (read_batch(&list, limit))
			;
	else
		read_singles(&list);
	if (list.count == 0)
		fail("standard input", "no lines");
	run(connect_to(argv[1]), &list, batch);
	for (size_t i = 0; i < list.count; i++)
		free(list.request[i].text);
	free(list.request);
	return 0;
}
