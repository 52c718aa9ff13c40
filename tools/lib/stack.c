// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Call stacks: their columns, and frames in words; see stack.h. */
#include "stack.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 256 /* of a frame that has no function: a module and an address */

const struct col stack_cols[] = {
	COL_AS("func", struct stack_frame, function, "", NONE, GAUGE, 0, "the function"),
	COL(struct stack_frame, file, "", NONE, GAUGE, "its source file"),
	COL(struct stack_frame, line, "", NONE, GAUGE, "the line in it"),
	COL(struct stack_frame, inlined, "", NONE, GAUGE, "is it part of the next one's code"),
	COL(struct stack_frame, module, "", NONE, GAUGE, "the binary or library"),
	COL(struct stack_frame, addr, "", ADDR, GAUGE, "the address in the code"),
	/* for profiles, also from recordings; in JSON it would only make each frame longer */
	COL_F(struct stack_frame, start_line, "", NONE, GAUGE, COL_TABLE_ONLY,
	      "the line the function begins at"),
	{}
};

const char *frame_name(const struct stack_frame *f, char *buf, size_t size)
{
	if (f->function)
		return f->function;
	if (f->module && f->addr != U64_NULL)
		snprintf(buf, size, "%s@0x%" PRIx64, f->module, f->addr);
	else if (f->addr != U64_NULL)
		snprintf(buf, size, "0x%" PRIx64, f->addr);
	else
		snprintf(buf, size, "%s", f->module ? f->module : "?");
	return buf;
}

char *frame_text(const struct stack_frame *f)
{
	const char *slash = f->file ? strrchr(f->file, '/') : NULL, *inlined;
	char name[NAME_MAX_LEN], line[16] = "", *text;
	int n;

	if (f->line != U32_NULL)
		snprintf(line, sizeof(line), ":%" PRIu32, f->line);
	inlined = f->inlined ? " (inlined)" : "";
	if (f->file)
		n = asprintf(&text, "%s %s%s%s", frame_name(f, name, sizeof(name)),
			     slash ? slash + 1 : f->file, line, inlined);
	else
		n = asprintf(&text, "%s%s", frame_name(f, name, sizeof(name)), inlined);
	return n < 0 ? NULL : text;
}
