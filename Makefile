# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Rules only: tools, libraries, readers, BPF families and tests are found by
# wildcard. Adding a tool is adding tools/NAME.c; nothing here changes.

O       ?= .out
CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= bpftool
PREFIX  ?= /usr/local
PKGS    ?= libelf zlib
# One formatter decides: its output differs between versions.
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14) clang-format)

CFLAGS  ?= -O2 -g
STD      = -std=gnu11 -D_GNU_SOURCE
WARN     = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
INC      = -I. -Itools/lib -Iuprobes -Ibpf -I$O
LIBS     = $(shell pkg-config --libs $(if $(STATIC),--static) $(PKGS))
SAN      = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

ARCH    ?= $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_SYS  = $(shell $(CLANG) -v -E - </dev/null 2>&1 | sed -n 's/^ \(\/.*include.*\)/-idirafter \1/p')
BPF_CFLAGS = -g -O2 -Wall -mcpu=v3 --target=bpf -D__TARGET_ARCH_$(ARCH) -Ibpf -Ivmlinux $(BPF_SYS)

Q   = $(if $(V),,@)
say = $(if $(V),,printf '  %-7s %s\n' $1 $2;)

# The one program that needs libdw; it is no part of gomemtrace.
GENERATOR := uprobes/go/layoutgen.c

UPROBES := $(filter-out $(GENERATOR),$(wildcard uprobes/*.c uprobes/*/*.c))
TOOLS   := $(wildcard tools/*.c)
SRC     := $(TOOLS) $(wildcard tools/*/*.c) $(UPROBES)
LINKS   := $(filter-out gomemtrace,$(patsubst tools/%.c,%,$(filter tools/go%.c,$(TOOLS))))
SKELS   := $(patsubst bpf/%.bpf.c,$O/%.skel.h,$(wildcard bpf/*.bpf.c))
OBJ     := $(SRC:%.c=$O/%.o)
MAIN    := $O/tools/lib/main.o
UNITS   := $(patsubst %.c,$O/%,$(wildcard tests/unit/test_*.c))
DRIVERS := $(patsubst %.c,$O/%,$(wildcard tests/e2e/*.c))
BENCHES := $(wildcard tests/bench/*.sh)
FORMAT  := $(wildcard tools/*.[ch] tools/*/*.[ch] uprobes/*.[ch] uprobes/*/*.[ch] bpf/*.[ch] \
	     tests/*.[ch] tests/*/*.[ch])
MANUAL  := $(wildcard man/*.[18])

all: $O/gomemtrace

# ---- what the build needs ------------------------------------------------

MISSING = $(shell for c in $(firstword $(CC)) pkg-config $(if $(SKELS),$(firstword $(CLANG) $(BPFTOOL)) $(BPFTOOL)); do \
	  command -v $$c >/dev/null || echo $$c; done; \
	  for p in $(PKGS); do pkg-config --exists $$p 2>/dev/null || echo $$p; done)

need:
	@missing="$(strip $(MISSING))"; test -z "$$missing" || \
	{ echo "cannot build: missing $$missing (run: sudo make deps)" >&2; exit 1; }

# ---- the program ---------------------------------------------------------

$O/gomemtrace: $(OBJ) $O/objects $O/flags
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(STATIC),-static) $(OBJ) $(LIBS) -o $@

# Relink when a file is removed, recompile when the flags change.
$O/objects: FORCE
	@mkdir -p $(@D); echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' > $@
$O/flags: FORCE | need
	@mkdir -p $(@D); echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' > $@

$O/%.o: %.c $O/flags | $(SKELS)
	$Q$(call say,CC,$<)mkdir -p $(@D) && \
	$(CC) $(STD) $(INC) $(CPPFLAGS) $(WARN) $(CFLAGS) -MMD -MP -c $< -o $@

# ---- the kernel side -----------------------------------------------------

$O/%.skel.h: $O/%.bpf.o
	$Q$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$O/%.bpf.o: bpf/%.bpf.c | need
	$Q$(call say,BPF,$<)mkdir -p $(@D) && \
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $O/$*.bpf.d -c $< -o $O/$*.tmp.o && \
	$(BPFTOOL) gen object $@ $O/$*.tmp.o

# ---- tests ---------------------------------------------------------------

$O/tests/unit/%: $O/tests/unit/%.o $(OBJ) $O/objects
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $< $(filter-out $(MAIN),$(OBJ)) $(LIBS) -lcmocka -o $@

$O/tests/e2e/%: $O/tests/e2e/%.o $(UPROBES:%.c=$O/%.o) $O/objects
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $< $(UPROBES:%.c=$O/%.o) $(LIBS) -o $@

units: $(UNITS)
drivers: $(DRIVERS)
# The same sources with the sanitizers, in a tree of their own.
units-san:
	$Q$(MAKE) --no-print-directory O=$O/san CFLAGS='$(SAN)' units

# Each runs one part of `make check`, and sums up in the same way.
unit e2e check layering format-check format demo:
	@O='$O' MAKE='$(MAKE_COMMAND)' OVERRIDES='$(MAKEOVERRIDES)' CLANG_FORMAT='$(CLANG_FORMAT)' \
	FORMAT='$(FORMAT)' tests/check.sh $@

bench: all
	$Qfor b in $(BENCHES); do O='$O' $$b || exit; done

# ---- layouts of the Go runtime, one release after the other --------------

layouts: $O/layoutgen
	$QO='$O' CLANG_FORMAT='$(CLANG_FORMAT)' uprobes/go/layouts.sh

$O/layoutgen: $(GENERATOR) uprobes/go/layout.h | need
	@pkg-config --exists libdw || { echo 'no libdw (run: sudo tests/deps.sh layouts)' >&2; exit 1; }
	$Q$(call say,CC,$<)mkdir -p $(@D) && \
	$(CC) $(STD) $(INC) $(WARN) $(CFLAGS) $< -o $@ $$(pkg-config --cflags --libs libdw)

# ---- the rest ------------------------------------------------------------

deps:
	@tests/deps.sh build

# A symlink never replaces a command that is there already.
install: all
	$Qinstall -Dm755 $O/gomemtrace $(DESTDIR)$(PREFIX)/bin/gomemtrace
	$Qfor t in $(LINKS); do l=$(DESTDIR)$(PREFIX)/bin/$$t; \
	if [ -e $$l ] || [ -L $$l ]; then \
	[ "$$(readlink $$l)" = gomemtrace ] || echo "$$l exists, not replaced" >&2; \
	else ln -s gomemtrace $$l; fi; done
	$Qfor m in $(MANUAL); do \
	install -Dm644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit; done

uninstall:
	$Qfor t in $(LINKS); do l=$(DESTDIR)$(PREFIX)/bin/$$t; \
	[ "$$(readlink $$l)" != gomemtrace ] || rm -f $$l; done
	$Qrm -f $(DESTDIR)$(PREFIX)/bin/gomemtrace
	$Qfor m in $(MANUAL); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	$Qrm -rf $O

help:
	@echo 'all           build $O/gomemtrace (no root needed)'
	@echo 'deps          install what the build needs (root)'
	@echo 'check         build, format, layering, unit and end-to-end tests (root for all of them)'
	@echo 'unit          unit tests, plain and with sanitizers'
	@echo 'e2e           end-to-end tests (root)'
	@echo 'demo          build, start a Go program and explain its memory (root)'
	@echo 'bench         what the tools cost'
	@echo 'layouts       regenerate uprobes/go/layouts.c from the toolchains in layouts.list'
	@echo 'format        format the C sources; format-check only looks'
	@echo 'layering      check who may print and who may know Go'
	@echo 'install       into $$(DESTDIR)$$(PREFIX)/bin (PREFIX=$(PREFIX)); uninstall'
	@echo 'clean         remove $O'
	@echo 'V=1 shows the commands, O=DIR builds elsewhere'

FORCE:
.PHONY: all need units drivers units-san unit e2e check layering format-check format bench demo \
	layouts deps install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
-include $(OBJ:.o=.d) $(UNITS:=.d) $(DRIVERS:=.d) $(wildcard $O/*.bpf.d)
