/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/metrics-http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/start.h"

enum { CONNECTIONS_MAX = 16, CONNECTION_SECONDS = 10 };

#define TYPE_PROMETHEUS  "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct metrics_http {
	struct api *api;
	struct MHD_Daemon *daemon;
	struct event *readable, *timer;
};

/* ---------------------------------------------------------------- answers */

static json_t *metrics_text(struct api *api, bool openmetrics, struct error *error)
{
	static struct arguments arguments;
	struct model *model = api->model;
	struct view view = { model_tables(model), model_state(model), model,
			     model_tables_region(model), model_state_region(model) };

	command_parse(openmetrics ? "metrics show format openmetrics" : "metrics show", &arguments,
		      error);
	return view_show(&view, &arguments, error);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *type, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED) /* RFC 9110 section 15.5.6: it must say */
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct metrics_http *http = context;
	struct error error = { .kind = ERROR_NONE };
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool openmetrics = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;

	(void)version;
	(void)upload;
	if (*upload_size != 0) { /* read it, and throw it away */
		*upload_size = 0;
		return MHD_YES;
	}
	if (*state == NULL) { /* the headers are there; the library wants to be asked again */
		*state = http;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", "try /metrics\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "GET it\n");
	json_t *text = metrics_text(http->api, openmetrics, &error);
	if (text == NULL)
		return answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain", error.text);
	enum MHD_Result result =
		answer(connection, MHD_HTTP_OK, openmetrics ? TYPE_OPENMETRICS : TYPE_PROMETHEUS,
		       json_string_value(text));
	json_decref(text);
	return result;
}

/* ---------------------------------------------------------------- where */

static bool read_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = htons((uint16_t)number);
	return end != text && *end == '\0' && number > 0 && number <= UINT16_MAX;
}

/* Cut "[::1]:9100", "127.0.0.1:9100" or "9100" into a socket address. */
static bool read_address(const char *listen, struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	const char *colon = strrchr(listen, ':');
	char host[64] = "127.0.0.1";

	memset(address, 0, sizeof(*address));
	if (colon != NULL) {
		bool bracket = listen[0] == '[' && colon > listen && colon[-1] == ']';
		int length = (int)(colon - listen) - (bracket ? 2 : 0);
		if (length <= 0 || length >= (int)sizeof(host))
			return false;
		snprintf(host, sizeof(host), "%.*s", length, listen + (bracket ? 1 : 0));
	}
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return read_port(colon != NULL ? colon + 1 : listen, &in->sin_port);
	}
	in6->sin6_family = AF_INET6;
	return colon != NULL && inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 &&
	       read_port(colon + 1, &in6->sin6_port);
}

/* ---------------------------------------------------------------- the loop */

static void on_event(evutil_socket_t fd, short events, void *context)
{
	struct metrics_http *http = context;

	(void)fd;
	(void)events;
	MHD_run(http->daemon);
}

static int watch(struct metrics_http *http)
{
	static const struct timeval second = { 1, 0 };
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct event_base *base = http->api->base;

	if (info == NULL)
		return -EIO;
	http->readable = event_new(base, info->epoll_fd, EV_READ | EV_PERSIST, on_event, http);
	http->timer = event_new(base, -1, EV_PERSIST, on_event, http); /* for its timeouts */
	if (http->readable == NULL || http->timer == NULL)
		abort();
	event_priority_set(http->readable, PRIORITY_CLIENT);
	event_priority_set(http->timer, PRIORITY_CLIENT);
	event_add(http->readable, NULL);
	event_add(http->timer, &second);
	return 0;
}

int metrics_http_open(struct metrics_http **result, struct api *api, const char *listen,
		      char error[REGION_ERROR_SIZE])
{
	struct sockaddr_storage address;

	if (!read_address(listen, &address)) {
		snprintf(error, REGION_ERROR_SIZE,
			 "metrics on %.100s: expected PORT, IPV4:PORT or [IPV6]:PORT", listen);
		return -EINVAL;
	}
	struct metrics_http *http = calloc(1, sizeof(*http));
	if (http == NULL)
		abort();
	http->api = api;
	errno = 0;
	http->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | (address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0),
				 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, &address,
				 MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_SECONDS,
				 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	int code = errno != 0 ? -errno : -EIO;
	if (http->daemon != NULL)
		code = watch(http);
	if (code != 0) {
		snprintf(error, REGION_ERROR_SIZE, "metrics on %.100s: %s", listen,
			 strerror(-code));
		metrics_http_close(http);
		return code;
	}
	*result = http;
	return 0;
}

void metrics_http_close(struct metrics_http *http)
{
	if (http == NULL)
		return;
	if (http->readable != NULL)
		event_free(http->readable);
	if (http->timer != NULL)
		event_free(http->timer);
	if (http->daemon != NULL)
		MHD_stop_daemon(http->daemon);
	free(http);
}
