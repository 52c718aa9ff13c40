/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* sysname.h - the names of system calls, of the architecture we are built for. */
#ifndef LIVE_SYSNAME_H
#define LIVE_SYSNAME_H

#include <stddef.h>

/* "mmap"; NULL: no call of that number was known when this was built. */
const char *sysname(unsigned int number);

#endif
