/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* version.h - the version -V prints; the build may pass a finer one with -DVERSION. */
#ifndef VERSION_H
#define VERSION_H

#ifndef VERSION
#define VERSION "0.1.0"
#endif

#endif
