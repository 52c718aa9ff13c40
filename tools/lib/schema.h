/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * schema.h - the JSON Schema (draft 2020-12) of a tool's `-o json` lines, from its sections.
 *
 * Every key is required and no other is allowed; what may be unknown may be null. Members
 * carry "x-unit" where they measure something. A stream has one alternative per section.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stdio.h>

struct tool;

void schema_print(const struct tool *t, FILE *f);

#endif
