// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * layoutgen.c - read the layout of one Go release from a binary's DWARF
 *
 *	layoutgen RELEASE BINARY
 *
 * prints the entry for layouts.c. It runs at development time, on binaries
 * just built (`make layouts`), and is no part of gomemtrace: libdw never sees
 * what a traced process supplies.
 */
#include "array.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "go/layout.h"

#define VAR "var:"

struct named {
	const char *name;
	int tag;
	Dwarf_Off off;
};

struct index {
	Dwarf *dw;
	struct named *names; /* the runtime's types and variables */
	size_t count, room;
	char go[32]; /* "go1.24.4" */
};

static int index_add(struct index *ix, Dwarf_Die *die, const char *name)
{
	if (array_room(ix->names, ix->count + 1, ix->room))
		return -ENOMEM;
	ix->names[ix->count++] = (struct named){ name, dwarf_tag(die), dwarf_dieoffset(die) };
	return 0;
}

static int index_unit(struct index *ix, Dwarf_Die *unit)
{
	Dwarf_Die die;
	int err = 0;

	if (dwarf_child(unit, &die))
		return 0;
	do {
		const char *name = dwarf_diename(&die);

		if (name && !strncmp(name, "runtime.", 8))
			err = index_add(ix, &die, name);
	} while (!err && !dwarf_siblingof(&die, &die));
	return err;
}

/* "Go cmd/compile go1.24.4; regabi" names the toolchain. */
static void index_producer(struct index *ix, Dwarf_Die *unit)
{
	const char *name = dwarf_diename(unit), *text = NULL, *go;
	Dwarf_Attribute attr;

	if (name && !strcmp(name, "runtime") && dwarf_attr(unit, DW_AT_producer, &attr))
		text = dwarf_formstring(&attr);
	go = text ? strstr(text, "go1.") : NULL;
	if (go)
		snprintf(ix->go, sizeof(ix->go), "%.*s", (int)strcspn(go, "; "), go);
}

static int index_build(struct index *ix)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	int err = 0;

	while (!err && !dwarf_get_units(ix->dw, cu, &cu, NULL, NULL, &unit, NULL)) {
		index_producer(ix, &unit);
		err = index_unit(ix, &unit);
	}
	if (!err && (!ix->count || !ix->go[0]))
		err = -ENODATA;
	return err;
}

/* The structure behind typedefs. */
static bool die_peel(Dwarf_Die *die)
{
	return !dwarf_peel_type(die, die);
}

static bool die_type(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr(die, DW_AT_type, &attr), type) != NULL;
}

static bool index_find(const struct index *ix, const char *spec, Dwarf_Die *type)
{
	bool var = !strncmp(spec, VAR, strlen(VAR));
	const char *name = var ? spec + strlen(VAR) : spec;
	size_t i;

	for (i = 0; i < ix->count; i++) {
		const struct named *n = &ix->names[i];

		if ((n->tag == DW_TAG_variable) != var || strcmp(n->name, name))
			continue;
		if (n->tag == DW_TAG_subprogram || !dwarf_offdie(ix->dw, n->off, type))
			continue;
		return !var || die_type(type, type);
	}
	return false;
}

/* The member of a structure that is called name[0..len). */
static bool die_member(Dwarf_Die *type, const char *name, size_t len, Dwarf_Die *member)
{
	if (!die_peel(type) || dwarf_child(type, member))
		return false;
	do {
		const char *s = dwarf_diename(member);

		if (dwarf_tag(member) == DW_TAG_member && s && strlen(s) == len &&
		    !memcmp(s, name, len))
			return true;
	} while (!dwarf_siblingof(member, member));
	return false;
}

static bool member_offset(Dwarf_Die *member, Dwarf_Word *off)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;

	if (!dwarf_attr(member, DW_AT_data_member_location, &attr))
		return false;
	if (!dwarf_formudata(&attr, off))
		return true;
	if (dwarf_getlocation(&attr, &op, &n) || n != 1 || op->atom != DW_OP_plus_uconst)
		return false;
	*off = op->number;
	return true;
}

/* Follow a dotted path: where it ends inside the type, and the type found there. */
static bool path_walk(Dwarf_Die *type, const char *path, Dwarf_Word *off)
{
	*off = 0;
	while (*path) {
		size_t len = strcspn(path, ".");
		Dwarf_Die member;
		Dwarf_Word at;

		if (!die_member(type, path, len, &member) || !member_offset(&member, &at) ||
		    !die_type(&member, type))
			return false;
		*off += at;
		path += len + (path[len] == '.');
	}
	return true;
}

static void field_print(const char *id, bool known, Dwarf_Word value)
{
	if (known && value < LAYOUT_NONE)
		printf("\t\t.%s = %u,\n", id, (unsigned int)value);
	else
		printf("\t\t.%s = LAYOUT_NONE,\n", id);
}

static void print_off(const struct index *ix, const char *id, const char *spec, const char *path)
{
	Dwarf_Word off = 0;
	Dwarf_Die type;
	bool known = index_find(ix, spec, &type) && path_walk(&type, path, &off);

	field_print(id, known, off);
}

static void print_width(const struct index *ix, const char *id, const char *spec, const char *path)
{
	Dwarf_Word off, size = 0;
	Dwarf_Die type;
	bool known = index_find(ix, spec, &type) && path_walk(&type, path, &off) &&
		     !dwarf_aggregate_size(&type, &size);

	field_print(id, known, size);
}

static void print_size(const struct index *ix, const char *id, const char *spec)
{
	print_width(ix, id, spec, "");
}

#define PRINT_OFF(id, type, path)   print_off(ix, #id, type, path);
#define PRINT_WIDTH(id, type, path) print_width(ix, #id, type, path);
#define PRINT_SIZE(id, type)        print_size(ix, #id, type);

static const char *machine_name(const struct index *ix)
{
	GElf_Ehdr eh;

	if (!gelf_getehdr(dwarf_getelf(ix->dw), &eh))
		return NULL;
	switch (eh.e_machine) {
	case EM_X86_64: return "EM_X86_64";
	case EM_AARCH64: return "EM_AARCH64";
	default: return NULL;
	}
}

static void entry_print(const struct index *ix, const char *release)
{
	printf("\t{\n\t\t.release = \"%s\",\n\t\t.made_from = \"%s\",\n", release, ix->go);
	printf("\t\t.machine = %s,\n", machine_name(ix));
	LAYOUT_FIELDS(PRINT_OFF, PRINT_WIDTH, PRINT_SIZE)
	printf("\t},\n");
}

static int layoutgen(const char *release, const char *path)
{
	struct index ix = {};
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ix.dw = dwarf_begin(fd, DWARF_C_READ);
	err = ix.dw ? index_build(&ix) : -ENODATA;
	if (!err && strncmp(ix.go + 2, release, strlen(release)))
		err = -EINVAL; /* another release than asked for */
	if (!err && !machine_name(&ix))
		err = -EOPNOTSUPP;
	if (!err)
		entry_print(&ix, release);
	free(ix.names);
	dwarf_end(ix.dw);
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: layoutgen RELEASE BINARY\n");
		return 2;
	}
	err = layoutgen(argv[1], argv[2]);
	if (err)
		fprintf(stderr, "cannot read the layout of %s from %s: %s\n", argv[1], argv[2],
			strerror(-err));
	return err ? 1 : 0;
}
