/* SPDX-License-Identifier: BSD-3-Clause
 *
 * metrics-http.h: GET /metrics, for Prometheus and whoever reads its formats. Off unless asked for.
 *
 * What the client accepts decides: OpenMetrics 1.0, or the text format 0.0.4. There is no access control
 * but the address that it listens on: loopback, unless told otherwise.
 */
#ifndef SHUNT_CONTROLPLANE_METRICS_HTTP_H
#define SHUNT_CONTROLPLANE_METRICS_HTTP_H

#include "controlplane/api/api.h"

struct metrics_http;

/* Listen on PORT of 127.0.0.1, on IPV4:PORT or on [IPV6]:PORT, in the event loop of `api`. 0, -EINVAL, or
 * what the kernel says; `error` names the address. */
int metrics_http_open(struct metrics_http **http, struct api *api, const char *listen,
		      char error[REGION_ERROR_SIZE]);

/* NULL: nothing to close. */
void metrics_http_close(struct metrics_http *http);

#endif
