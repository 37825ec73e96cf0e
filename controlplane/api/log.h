/* SPDX-License-Identifier: BSD-3-Clause
 *
 * log.h: messages on standard error, each with its level in front ("error: ...").
 */
#ifndef SHUNT_API_LOG_H
#define SHUNT_API_LOG_H

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
