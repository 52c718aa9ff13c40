// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What is linked in: the tools and the formats, gathered by the linker, in order of name. */
#include "check.h"
#include "sink.h"
#include "tool.h"
#include <string.h>

/* The next larger name, so that the order does not depend on the order of linking. */
#define REGISTRY(function, noun, section)                                                          \
	extern const struct noun *const __start_##section[] __attribute__((weak));                 \
	extern const struct noun *const __stop_##section[] __attribute__((weak));                  \
	const struct noun *function(const struct noun *prev)                                       \
	{                                                                                          \
		const struct noun *next = NULL;                                                    \
                                                                                                   \
		for (const struct noun *const *p = __start_##section; p < __stop_##section; p++)   \
			if ((!prev || strcmp((*p)->name, prev->name) > 0) &&                       \
			    (!next || strcmp((*p)->name, next->name) < 0))                         \
				next = *p;                                                         \
		return next;                                                                       \
	}

REGISTRY(tool_after, tool, gomt_tools)
REGISTRY(sink_after, sink_ops, gomt_sinks)
REGISTRY(check_after, check, gomt_checks)

const struct tool *tool_find(const char *name)
{
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

const struct tool *tool_session(void)
{
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (t->is_session)
			return t;
	return NULL;
}

const char *tool_json_name(const struct tool *t)
{
	return t->json_name ? t->json_name : t->name;
}
