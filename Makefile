# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Rules only: tools, libraries, readers, BPF families and tests are found by
# wildcard. Adding a tool is adding tools/NAME.c; nothing here changes.

# CROSS=arm64 (or amd64, elsewhere): a static program for a machine of that kind, with its
# packages unpacked into the cache of tests/debs.sh; only the compiler is installed.
ifdef CROSS
O       ?= .out/$(CROSS)
STATIC   = 1
TRIPLET  = $(subst amd64,x86_64,$(subst arm64,aarch64,$(CROSS)))-linux-gnu
SYSROOT := $(shell tests/debs.sh tree bookworm $(CROSS) libc6-dev libelf-dev zlib1g-dev \
	     libbpf-dev liblzma-dev)
CC       = $(TRIPLET)-gcc --sysroot=$(SYSROOT)
PKG_CONFIG = PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	     PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig pkg-config
ARCH     = $(patsubst amd64,x86,$(CROSS))
endif

O       ?= .out
CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
PREFIX  ?= /usr/local
# Optional: liblzma, for the functions of stripped libraries (.gnu_debugdata).
LZMA    := $(shell $(PKG_CONFIG) --exists liblzma && echo liblzma)
PKGS    ?= libbpf libelf zlib $(LZMA)
# One formatter decides: its output differs between versions.
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14) clang-format)

CFLAGS  ?= -O2 -g
STD      = -std=gnu11 -D_GNU_SOURCE
WARN     = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
# For our headers only: <search.h> is the C library's.
INC      = $(addprefix -iquote ,. tools tools/lib uprobes bpf $O)
LIBS     = $(shell $(PKG_CONFIG) --libs $(if $(STATIC),--static) $(PKGS)) $(if $(ZYDIS),-lZydis) -lm
SAN      = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

# A decoder for x86 is used if it is there; not every distribution has a .pc file of it.
ZYDIS   := $(shell echo 'int main(void) { return !ZydisGetVersion(); }' | $(CC) \
	     $(if $(STATIC),-static) -include Zydis/Zydis.h -x c - -lZydis -o /dev/null \
	     2>/dev/null && echo yes)
HAVE     = $(if $(ZYDIS),-DHAVE_ZYDIS) $(if $(filter liblzma,$(PKGS)),-DHAVE_LIBLZMA)

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
FAMILIES := $(patsubst bpf/%.bpf.c,$O/bpf/%.o,$(wildcard bpf/*.bpf.c))
TEST_FAMILIES := $(patsubst tests/bpf/%.bpf.c,$O/bpf/%.o,$(wildcard tests/bpf/*.bpf.c))
OBJ     := $(SRC:%.c=$O/%.o) $(FAMILIES)
MAIN    := $O/tools/lib/main.o
UNITS   := $(patsubst %.c,$O/%,$(wildcard tests/unit/test_*.c))
DRIVERS := $(patsubst %.c,$O/%,$(wildcard tests/e2e/*.c))
BENCHES := $(wildcard tests/bench/*.sh)
FUZZERS := $(patsubst tests/fuzz/%.c,$O/%,$(wildcard tests/fuzz/fuzz_*.c))
FORMAT  := $(wildcard tools/*.[ch] tools/*/*.[ch] uprobes/*.[ch] uprobes/*/*.[ch] bpf/*.[ch] \
	     tests/*.[ch] tests/*/*.[ch])
MANUAL  := $(patsubst man/%.in,$O/man/%,$(wildcard man/*.8.in))
SHELLS  := bash zsh fish

all: $O/gomemtrace

# ---- what the build needs ------------------------------------------------

MISSING = $(shell for c in $(firstword $(CC)) pkg-config $(firstword $(CLANG)) $(BPFTOOL); do \
	  command -v $$c >/dev/null || echo $$c; done; \
	  for p in $(PKGS); do $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done; \
	  for a in $(if $(STATIC),libc $(patsubst -l%,lib%,$(filter -l%,$(LIBS)))); do \
	  test -e "$$($(CC) -print-file-name=$$a.a)" || echo $$a.a; done)

need:
	@missing="$(strip $(MISSING))"; test -z "$$missing" || \
	{ echo "cannot build: missing $$missing (run: sudo make deps)" >&2; exit 1; }

# ---- the program ---------------------------------------------------------

$O/gomemtrace: $(OBJ) $O/objects $O/flags
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(STATIC),-static) $(OBJ) $(LIBS) -o $@

# Relink when a file is removed or STATIC changes, recompile when the flags change.
$O/objects: FORCE
	@mkdir -p $(@D); echo '$(STATIC) $(OBJ)' | cmp -s - $@ || echo '$(STATIC) $(OBJ)' > $@
$O/flags: FORCE | need
	@mkdir -p $(@D); echo '$(CC) $(HAVE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	echo '$(CC) $(HAVE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' > $@

$O/%.o: %.c $O/flags
	$Q$(call say,CC,$<)mkdir -p $(@D) && \
	$(CC) $(STD) $(INC) $(HAVE) $(CPPFLAGS) $(WARN) $(CFLAGS) -MMD -MP -c $< -o $@

# The names of system calls, by number, as the C library's headers have them.
$O/syscalls.inc: $O/flags
	$Qecho '#include <sys/syscall.h>' | $(CC) -E -dM -x c - | \
	sed -nE '/_syscalls?$$|arch_specific/d; s/^#define (__NR_([a-z0-9_]+)) .*/[\1] = "\2",/p' | \
	sort > $@
$O/tools/live/sysname.o: $O/syscalls.inc

# Files that become part of the program, as C strings.
$O/%.inc: tools/lib/%
	$Qmkdir -p $(@D) && sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< > $@
$O/tools/lib/sink_html.o: $O/page.css.inc $O/page.js.inc

# ---- the kernel side -----------------------------------------------------

# A family is two objects in one of ours: for this kernel, and for kernels before 5.12.
$O/bpf/%.o: uprobes/probe/family.S $O/%.bpf.o $O/%.old.bpf.o
	$Q$(call say,EMBED,$*)mkdir -p $(@D) && $(CC) -DFAMILY='"$*"' -DOBJECT='"$O/$*.bpf.o"' \
	-DOBJECT_OLD='"$O/$*.old.bpf.o"' -c $< -o $@

# $(call bpf,NAME,FLAGS)
bpf = $Q$(call say,BPF,$<)mkdir -p $(@D) && \
	$(CLANG) $(BPF_CFLAGS) $2 -MMD -MP -MT $@ -MF $O/$1.bpf.d -c $< -o $O/$1.tmp.o && \
	$(BPFTOOL) gen object $@ $O/$1.tmp.o

$O/%.old.bpf.o: bpf/%.bpf.c | need
	$(call bpf,$*.old,-DNO_FETCH)
$O/%.bpf.o: bpf/%.bpf.c | need
	$(call bpf,$*)

# Families that only test drivers have.
$O/%.old.bpf.o: tests/bpf/%.bpf.c | need
	$(call bpf,$*.old,-DNO_FETCH)
$O/%.bpf.o: tests/bpf/%.bpf.c | need
	$(call bpf,$*)

# ---- tests ---------------------------------------------------------------

$O/tests/unit/%: $O/tests/unit/%.o $(OBJ) $O/objects
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $< $(filter-out $(MAIN),$(OBJ)) $(LIBS) -lcmocka -o $@

DRIVER_OBJ := $(UPROBES:%.c=$O/%.o) $(FAMILIES) $(TEST_FAMILIES)
$O/tests/e2e/%: $O/tests/e2e/%.o $(DRIVER_OBJ) $O/objects
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $< $(DRIVER_OBJ) $(LIBS) -o $@

units: $(UNITS)
drivers: $(DRIVERS)
# The same sources with the sanitizers, in a tree of their own.
units-san drivers-san:
	$Q$(MAKE) --no-print-directory O=$O/san CFLAGS='$(SAN)' $(@:-san=)

# Fuzz targets in a tree of their own: with libFuzzer where clang has it, else with a
# main() that replays the corpora. (pointer-overflow: clang forbids NULL + 0, too.)
FUZZ_SECONDS ?= 60
LIBFUZZER = $(shell echo 'int LLVMFuzzerTestOneInput(char *p, long n) { return 0; }' | \
	    $(CLANG) -x c - -fsanitize=fuzzer,address -o /dev/null 2>/dev/null && echo yes)
fuzzers:
	$Qif [ '$(LIBFUZZER)' ]; then mkdir -p $O/fuzz && touch $O/fuzz/libfuzzer && \
	$(MAKE) --no-print-directory O=$O/fuzz CC='$(CLANG)' \
		CFLAGS='$(SAN) -fno-sanitize=pointer-overflow -fsanitize=fuzzer-no-link' \
		FUZZ_MAIN=-fsanitize=fuzzer fuzzers-link; \
	else rm -f $O/fuzz/libfuzzer; $(MAKE) --no-print-directory O=$O/fuzz CFLAGS='$(SAN)' \
		FUZZ_MAIN=$O/fuzz/tests/fuzz/main.o fuzzers-link; fi
fuzzers-link: $O/tests/fuzz/main.o $(FUZZERS)
$O/fuzz_%: $O/tests/fuzz/fuzz_%.o $(OBJ) $O/objects
	$Q$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $< $(filter-out $(MAIN),$(OBJ)) $(FUZZ_MAIN) \
	$(LIBS) -o $@

# FUZZ_SECONDS for each, two at a time; what is found is in $O/fuzz/found.
fuzz: fuzzers
	$Qtests/fuzz/run.sh $O/fuzz $(FUZZ_SECONDS) 2 tests/fuzz/RESULTS

# What runs in the guests of tests/vm.
GUESTS = amd64 arm64
guests: $(GUESTS:%=guest-%)
guest-%:
	$Q$(MAKE) --no-print-directory O=$O/guest/$* STATIC=1 \
		$(if $(filter $(subst x86_64,amd64,$(subst aarch64,arm64,$(shell uname -m))),$*),,CROSS=$*) all

# Each runs one part of `make check`, and sums up in the same way.
unit golden golden-update e2e vm matrix soak check layering format-check format demo:
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

# Prose is in man/, the rest of a page and the completions come from the program's tables.
man: $(MANUAL)
$O/man/%.8: man/%.8.in $O/gomemtrace
	$Q$(call say,MAN,$@)mkdir -p $(@D) && $O/gomemtrace $(patsubst gomemtrace-%,%,$*) --man | \
	sed -e '/^@GENERATED@$$/{r /dev/stdin' -e 'd}' \
	-e "s/@VERSION@/$$($O/gomemtrace -V | sed 's/.* //')/" $< > $@

complete: $(SHELLS:%=$O/complete/%)
$O/complete/%: $O/gomemtrace
	$Q$(call say,GEN,$@)mkdir -p $(@D) && $O/gomemtrace --complete=$* > $@

# Where things go, below $(DESTDIR)$(PREFIX), and what may take their place: a symlink never
# replaces a command that is there already.
SHARE := $(DESTDIR)$(PREFIX)/share
BASHD := $(SHARE)/bash-completion/completions
ZSHD  := $(SHARE)/zsh/site-functions
FISHD := $(SHARE)/fish/vendor_completions.d

# link TARGET NAME
define link
if [ -e $2 ] || [ -L $2 ]; then [ "$$(readlink $2)" = $1 ] || \
echo "$2 exists, not replaced" >&2; else ln -s $1 $2; fi
endef
define unlink
[ "$$(readlink $2)" != $1 ] || rm -f $2
endef

install: all man complete
	$Qinstall -Dm755 $O/gomemtrace $(DESTDIR)$(PREFIX)/bin/gomemtrace
	$Qfor m in $(MANUAL); do \
	install -Dm644 $$m $(SHARE)/man/man$${m##*.}/$${m##*/} || exit; done
	$Qinstall -Dm644 $O/complete/bash $(BASHD)/gomemtrace
	$Qinstall -Dm644 $O/complete/zsh $(ZSHD)/_gomemtrace
	$Qinstall -Dm644 $O/complete/fish $(FISHD)/gomemtrace.fish
	$Qfor t in $(LINKS); do \
	$(call link,gomemtrace,$(DESTDIR)$(PREFIX)/bin/$$t); \
	$(call link,gomemtrace,$(BASHD)/$$t); \
	$(call link,gomemtrace.fish,$(FISHD)/$$t.fish); done

uninstall:
	$Qfor t in $(LINKS); do \
	$(call unlink,gomemtrace,$(DESTDIR)$(PREFIX)/bin/$$t); \
	$(call unlink,gomemtrace,$(BASHD)/$$t); \
	$(call unlink,gomemtrace.fish,$(FISHD)/$$t.fish); done
	$Qrm -f $(DESTDIR)$(PREFIX)/bin/gomemtrace $(BASHD)/gomemtrace $(ZSHD)/_gomemtrace \
	$(FISHD)/gomemtrace.fish
	$Qfor m in $(MANUAL); do rm -f $(SHARE)/man/man$${m##*.}/$${m##*/}; done

clean:
	$Qrm -rf $O

help:
	@echo 'all           build $O/gomemtrace (no root needed)'
	@echo 'deps          install what the build needs (root)'
	@echo 'check         build, format, layering, unit and end-to-end tests (root for all of them)'
	@echo 'unit          unit tests, plain and with sanitizers'
	@echo 'golden        replay recordings in every format (no root); golden-update'
	@echo 'e2e           end-to-end tests (root)'
	@echo 'vm            the same program on other kernels, emulated; matrix: on all of them'
	@echo 'soak          events: 20,000 collections, 1,000 attachments, 200 kills (root, an hour)'
	@echo 'demo          build, start a Go program and explain its memory (root)'
	@echo 'fuzz          fuzz every parser, FUZZ_SECONDS=60 each'
	@echo 'bench         what the tools cost'
	@echo 'layouts       regenerate uprobes/go/layouts.c from the toolchains in layouts.list'
	@echo 'format        format the C sources; format-check only looks'
	@echo 'layering      check who may print and who may know Go'
	@echo 'man           manual pages into $O/man; complete: completions'
	@echo 'install       into $$(DESTDIR)$$(PREFIX)/bin (PREFIX=$(PREFIX)); uninstall'
	@echo 'clean         remove $O'
	@echo 'V=1 shows the commands, O=DIR builds elsewhere, STATIC=1 links one file for any Linux,'
	@echo 'CROSS=arm64 one for another architecture, into .out/arm64'

FORCE:
.PHONY: all need units drivers units-san drivers-san fuzzers fuzzers-link fuzz unit golden golden-update \
	e2e vm matrix soak guests check layering format-check format bench demo layouts deps man complete \
	install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
-include $(SRC:%.c=$O/%.d) $(UNITS:=.d) $(DRIVERS:=.d) $(wildcard $O/tests/fuzz/*.d) $(wildcard $O/*.bpf.d)
