/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

__attribute__((format(printf, 2, 0))) static void line(const char *level, const char *format,
						       va_list arguments)
{
	char text[LINE_SIZE];
	int length = snprintf(text, sizeof(text), "%s: ", level);

	length += vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
	if (length > LINE_SIZE - 1)
		length = LINE_SIZE - 1;
	text[length++] = '\n'; /* in place of the terminating zero */
	/* one write, so that lines of several threads do not mix; there is nowhere to report a failure */
	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		return;
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("info", format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("warning", format, arguments);
	va_end(arguments);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("error", format, arguments);
	va_end(arguments);
}
