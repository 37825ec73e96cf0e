/* SPDX-License-Identifier: BSD-3-Clause
 *
 * log.h: one line each to standard error, with its level in front. What nobody expects is a warning;
 * an error is why something that was asked for is not done.
 */
#ifndef SHUNT_LOG_H
#define SHUNT_LOG_H

/* printf-like, without a newline at the end. Any thread. Lines are never mixed. */
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);

#endif
