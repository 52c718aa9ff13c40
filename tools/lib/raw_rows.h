/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * raw_rows.h - the tables of a recording beside those linked in, and its rows as structs.
 *
 * A map says, for each column of the file, which column here it is. Rows are built as a tool
 * would have: members that the file does not have are null (a bool: false).
 */
#ifndef RAW_ROWS_H
#define RAW_ROWS_H

#include "arena.h"
#include "cursor.h"

struct raw_map_col {
	const struct col *col; /* NULL: not known here */
	char type;
	struct raw_map *nested;
};

struct raw_map {
	struct raw_map_col *cols;
	size_t n;
};

struct raw_rows {
	struct arena maps, mem; /* mem: of one look */
	size_t mem_size;
	uint64_t unknown; /* columns of the file that are not known here */
};

/*
 * Read a table that should be `cols`, or NULL for one that is not known here: 0, -ENOMEM, or
 * -EBADMSG, with a sentence if a column is another than here.
 */
int raw_table_read(struct raw_rows *p, struct cursor *c, const struct col *cols, struct raw_map *m);

/* The column of that key, the nth with it; NULL: none. */
const struct col *raw_column_find(const struct col *cols, const char *key, size_t len, size_t nth);

/* A row in the memory of the look, or NULL: read over it (cols NULL), or the cursor is bad. */
void *raw_row_read(struct raw_rows *p, struct cursor *c, const struct raw_map *m,
		   const struct col *cols);
char *raw_string_read(struct raw_rows *p, struct cursor *c);

void raw_rows_clear(struct raw_rows *p); /* the memory of the look */
void raw_rows_free(struct raw_rows *p);

#endif
