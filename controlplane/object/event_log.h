/* SPDX-License-Identifier: BSD-3-Clause
 *
 * event_log.h: lines for the system's log, by the socket that syslog(3) uses. That one waits for a log that
 * does not read, and everything here with it.
 */
#ifndef SHUNT_OBJECT_EVENT_LOG_H
#define SHUNT_OBJECT_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Daemon, info. `length` bytes, which stay as they are. False: the log is not there, or has not read what
 * came before; the line is lost. From the event loop. */
bool event_log_write(char *line, size_t length);

#endif
