/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * types.h - what a type descriptor in the process says: name, size, kind, package.
 *
 * Each module (moduledata, symtab.go) has its descriptors between types and etypes, and in
 * 1.19 to 1.27 they begin alike (runtime._type, internal/abi.Type):
 *
 *   0  Size   8 PtrBytes   16 Hash u32   20 TFlag   21 Align   22 FieldAlign   23 Kind
 *   24 Equal  32 GCData    40 Str i32    44 PtrToThis i32
 *
 * Str is an offset from the module's types, where a name is: a byte of flags, its length as
 * a uvarint, its bytes. Behind a descriptor with TFlag 1, and behind what its kind adds to
 * it, is an uncommon type, whose first i32 is such an offset, too: the package's path.
 *
 * A type made at run time (reflect) is in no module and is refused. Nothing is allocated.
 */
#ifndef GO_TYPES_H
#define GO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GO_TYPE_SIZE   48
#define GO_MODULES_MAX 64

enum go_kind {
	GO_KIND_BOOL = 1,
	GO_KIND_UINTPTR = 12,
	GO_KIND_COMPLEX128 = 16,
	GO_KIND_ARRAY,
	GO_KIND_CHAN,
	GO_KIND_FUNC,
	GO_KIND_INTERFACE,
	GO_KIND_MAP,
	GO_KIND_POINTER,
	GO_KIND_SLICE,
	GO_KIND_STRING,
	GO_KIND_STRUCT,
	GO_KIND_UNSAFE_POINTER,
	GO_KIND_COUNT
};

struct goproc;
struct mem;

/* Where descriptors are, as of go_types_open(): a plugin that is loaded later is not seen. */
struct go_types {
	struct mem *mem;
	uint32_t map_size; /* of the descriptor of a map */
	bool cut;          /* there are more modules than these */
	size_t n;
	struct {
		uint64_t start, end; /* types, etypes */
	} module[GO_MODULES_MAX];
};

struct go_type {
	uint64_t addr;
	uint64_t size, ptrbytes; /* in bytes; pointers are in the first ptrbytes only */
	uint32_t hash;
	uint8_t kind;    /* enum go_kind */
	bool named;      /* by its program, or predeclared */
	bool cut;        /* the name is longer than this */
	char name[1024]; /* as reflect's String(): "*main.T" */
	char pkg[256];   /* as reflect's PkgPath(): "net/http"; "" unless named */
};

/* Find the modules of a process that is proven, which must outlive it. 0 or -errno. */
int go_types_open(struct go_types *ts, struct goproc *gp);

/*
 * Read a descriptor. -ENOENT: no module has it, as with types made at run time; -EINVAL:
 * what is there is no descriptor; -EFAULT, -ENODATA …: it cannot be read. With a sentence.
 */
int go_type_read(const struct go_types *ts, uint64_t addr, struct go_type *out);

/* As reflect's Kind.String(): "struct", "unsafe.Pointer". */
const char *go_kind_name(enum go_kind kind);

#endif
