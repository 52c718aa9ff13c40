/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * col.h - columns as data: what a member of a row struct is called, what it measures and
 * what it means.
 *
 *	struct row { char id[24]; uint64_t resident; uint8_t confidence; };
 *
 *	static const struct col cols[] = {
 *		COL(struct row, id, "ROW", NONE, KEY, "which part of the RSS"),
 *		COL(struct row, resident, "RESIDENT", BYTES, GAUGE, "bytes in RAM"),
 *		COL(struct row, confidence, "TRUST", STARS, GAUGE, "how far to trust it"),
 *		{}
 *	};
 *
 * The key of the JSON member is the name of the C member. Offset, size and type come from
 * the member too, and a type no column can have does not compile:
 *
 *	uint64_t int64_t uint32_t int uint16_t uint8_t	whole numbers
 *	double bool					NaN is null; a bool is never null
 *	int8_t						a bool that may be unknown: 0, 1, TRI_NULL
 *	char[N], const char *				text; need not be UTF-8 or clean
 *	struct numbers					COL; a JSON array of whole numbers
 *	struct stack					COL; a JSON array of frames
 *	struct list, struct object			COL_LIST, COL_OBJECT: nested, JSON only
 *
 * Each whole number has one value that means "not known": JSON null, "-" in a table.
 */
#ifndef COL_H
#define COL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define U64_NULL UINT64_MAX
#define S64_NULL INT64_MIN
#define U32_NULL UINT32_MAX
#define S32_NULL INT32_MIN
#define U16_NULL UINT16_MAX
#define U8_NULL  UINT8_MAX
#define TRI_NULL ((int8_t)-1)

enum col_type {
	CT_U64,
	CT_S64,
	CT_U32,
	CT_S32,
	CT_U16,
	CT_U8,
	CT_TRI,
	CT_BOOL,
	CT_DOUBLE,
	CT_CHARS, /* char[N]: ends at a NUL or at N */
	CT_STR,
	CT_NUMBERS,
	CT_LIST,
	CT_OBJECT,
	CT_STACK,
	CT_TYPES
};

/* What is measured. JSON has base units; tables have what people read. */
enum unit {
	NONE,    /* plain */
	COUNT,   /* table: 20,013 */
	BYTES,   /* table: 310.2 MiB */
	SBYTES,  /* a difference of bytes; table: +1.2 MiB */
	NSEC,    /* a duration in ns; table: 1.5 ms */
	TIME,    /* Unix time in ns; JSON: decimal string; table: local time, ISO 8601 */
	MONO,    /* CLOCK_MONOTONIC in ns; JSON: decimal string; table: seconds.micros */
	ADDR,    /* JSON: decimal string; table: 0xc000010000 */
	PERCENT, /* table: 21.3 */
	STARS,   /* confidence 1 to 3; table: ★★★ */
	BAR,     /* a percentage drawn 20 columns wide; tables only */
	UNITS
};

/* What may be done with it: a label, a value now, a value that only grows. */
enum role { KEY, GAUGE, COUNTER };

enum col_flag {
	COL_JSON_ONLY = 1,
	COL_TABLE_ONLY = 2,
	COL_WIDE = 4,   /* in a table with -v only */
	COL_NO_SUM = 8, /* of several rows they do not add up: an error, a maximum */
};

struct col {
	const char *key, *head, *help;
	const struct col *cols; /* of the nested rows or object */
	uint16_t off, size;
	uint8_t type, unit, role, flags;
};

struct list { /* n rows of `stride` bytes each, shaped by the columns COL_LIST names */
	const void *rows;
	size_t n, stride;
};

struct object { /* one row, shaped by the columns COL_OBJECT names; NULL: all null */
	const void *row;
};

struct numbers {
	const uint64_t *v;
	size_t n;
};

struct stack_frame {
	const char *function, *file; /* NULL: not known */
	uint32_t line;               /* U32_NULL: not known */
	bool inlined;                /* into the frame behind it */
	const char *module;          /* of the address: a binary or library; NULL: not known */
	uint64_t addr;               /* U64_NULL: not known */
	uint32_t start_line;         /* of the function; U32_NULL, 0: not known */
};

/*
 * A call stack, the innermost frame first; n 0: not known. A table has the innermost function,
 * and with -v all frames below the row. In JSON the members are those of stack_cols.
 */
struct stack {
	const struct stack_frame *frame;
	size_t n;
};

extern const struct col stack_cols[];

#define COL_FIELD(st, field) (((st *)0)->field)

/* char[N] decays to char *, so the pointer to the member tells the two apart. */
/* clang-format off */
#define COL_TYPE(st, field)								\
	_Generic(&COL_FIELD(st, field),							\
		 char **: CT_STR,							\
		 const char **: CT_STR,							\
		 const char *const *: CT_STR,						\
		 default: _Generic(COL_FIELD(st, field),				\
				   unsigned long: CT_U64,				\
				   unsigned long long: CT_U64,				\
				   long: CT_S64,					\
				   long long: CT_S64,					\
				   unsigned int: CT_U32,				\
				   int: CT_S32,						\
				   unsigned short: CT_U16,				\
				   unsigned char: CT_U8,				\
				   signed char: CT_TRI,					\
				   bool: CT_BOOL,					\
				   double: CT_DOUBLE,					\
				   char *: CT_CHARS,					\
				   const char *: CT_CHARS,				\
				   struct numbers: CT_NUMBERS,				\
				   struct stack: CT_STACK))
#define COL_NESTED(st, field)								\
	_Generic(COL_FIELD(st, field), struct stack: stack_cols, default: (const struct col *)NULL)
#define COL_LIST_TYPE(st, field) _Generic(COL_FIELD(st, field), struct list: CT_LIST)
#define COL_OBJECT_TYPE(st, field) _Generic(COL_FIELD(st, field), struct object: CT_OBJECT)
/* clang-format on */

#define COL_AS_TYPE(key_, st, field, type_, cols_, head_, unit_, role_, flags_, help_)             \
	{                                                                                          \
		.key = (key_), .head = (head_), .help = (help_), .cols = (cols_),                  \
		.off = offsetof(st, field), .size = sizeof(COL_FIELD(st, field)), .type = (type_), \
		.unit = (unit_), .role = (role_), .flags = (flags_)                                \
	}

#define COL(st, field, head, unit, role, help) COL_F(st, field, head, unit, role, 0, help)

/* The same with flags, COL_JSON_ONLY | … */
#define COL_F(st, field, head, unit, role, flags, help)                                            \
	COL_AS(#field, st, field, head, unit, role, flags, help)

/* The same under another key than the member's name. */
#define COL_AS(key, st, field, head, unit, role, flags, help)                                      \
	COL_AS_TYPE(key, st, field, COL_TYPE(st, field), COL_NESTED(st, field), head, unit, role,  \
		    flags, help)

/* A member of type struct list: a JSON array of objects with the members `cols`. */
#define COL_LIST(st, field, cols, help)                                                            \
	COL_AS_TYPE(#field, st, field, COL_LIST_TYPE(st, field), cols, "", NONE, GAUGE,            \
		    COL_JSON_ONLY, help)

/* A member of type struct object: a JSON object with the members `cols`. */
#define COL_OBJECT(st, field, cols, help)                                                          \
	COL_AS_TYPE(#field, st, field, COL_OBJECT_TYPE(st, field), cols, "", NONE, GAUGE,          \
		    COL_JSON_ONLY, help)

/* A column's value in one row, widened. */
enum value_kind { V_NULL, V_U64, V_S64, V_DOUBLE, V_BOOL, V_TEXT, V_NUMBERS, V_LIST, V_OBJECT };

struct value {
	enum value_kind kind;
	union {
		uint64_t u;
		int64_t s;
		double d;
		bool b;
		struct list list; /* of a stack, too: rows of stack_cols */
		const struct object *object;
		const struct numbers *numbers;
		struct {
			const char *text; /* len bytes, not ended by a NUL */
			size_t len;
		};
	};
};

/* row NULL gives a null of the column's kind: V_NULL, or an empty list, stack or numbers. */
struct value col_value(const struct col *c, const void *row);

/* <0, 0, >0 as a sorts before, with or after b; null after everything. */
int value_compare(const struct value *a, const struct value *b);

bool col_is_text(const struct col *c);   /* left aligned, and may be cut to fit */
bool col_in_json(const struct col *c);   /* has a JSON member */
bool col_in_table(const struct col *c);  /* may be a column of a table */
bool col_is_quoted(const struct col *c); /* a number that is a decimal string in JSON */

/* The column a user names by its key or heading, in any case; NULL: none. Not nested ones. */
const struct col *col_find(const struct col *cols, const char *name);

/* The unit as a word for the schema ("bytes", "ns"), or NULL. */
const char *unit_name(enum unit u);

/* The end of a row struct as far as its columns know it: bytes to copy for all of them. */
size_t cols_extent(const struct col *cols);

#endif
