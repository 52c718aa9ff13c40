// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* System calls by number; the table is made by the Makefile. */
#include "live/sysname.h"
#include <sys/syscall.h>

static const char *const names[] = {
#include "syscalls.inc"
};

const char *sysname(unsigned int number)
{
	return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}
