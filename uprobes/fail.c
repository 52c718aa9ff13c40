// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The last failure in words; see fail.h. */
#include "fail.h"
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[512];

int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err;
}

const char *fail_text(void)
{
	return text;
}

void fail_clear(void)
{
	text[0] = '\0';
}
