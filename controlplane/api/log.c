/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/log.h"

#include <stdarg.h>
#include <stdio.h>

static void log_line(const char *level, const char *format, va_list list)
{
	char line[1200];

	vsnprintf(line, sizeof(line), format, list);
	fprintf(stderr, "%s: %s\n", level, line);
}

void log_error(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	log_line("error", format, list);
	va_end(list);
}

void log_warning(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	log_line("warning", format, list);
	va_end(list);
}

void log_info(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	log_line("info", format, list);
	va_end(list);
}
