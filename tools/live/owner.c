// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Whose a system call was; see owner.h. */
#include "live/owner.h"
#include <string.h>

/* What the runtime calls to get or change address space, by what that is for. */
enum os_call { OS_NONE, OS_ALLOC, OS_ARENA };

static const struct {
	const char *prefix;
	enum os_call call;
} os_calls[] = {
	{ "runtime.sysAlloc", OS_ALLOC },   { "runtime.sysFree", OS_ALLOC },
	{ "runtime.sysReserve", OS_ARENA }, { "runtime.sysMap", OS_ARENA },
	{ "runtime.sysFault", OS_ARENA },   { "runtime.sysUsed", OS_ARENA },
	{ "runtime.sysUnused", OS_ARENA },
};

/* Who calls them, and for what; the first that fits. */
static const struct {
	const char *prefix;
	enum os_call call; /* OS_NONE: whichever */
	const char *owner;
} callers[] = {
	{ "runtime.persistentalloc", OS_NONE, "go.persistent" },
	{ "runtime.(*mheap).sysAlloc", OS_ALLOC, "go.gc" }, /* the index, the list of arenas */
	{ "runtime.(*mheap).", OS_ARENA, "go.heap" },
	{ "runtime.(*pageAlloc).scavenge", OS_NONE, "go.heap" },
	{ "runtime.(*pageAlloc).", OS_NONE, "go.gc" },
	{ "runtime.(*scavengeIndex).", OS_NONE, "go.gc" },
	{ "runtime.newArenaMayUnlock", OS_NONE, "go.gc" },
	{ "runtime.newSpanSPMC", OS_NONE, "go.gc" },
	{ "runtime.(*spanSPMC).", OS_NONE, "go.gc" },
	{ "runtime.stkbucket", OS_NONE, "go.profile" },
	{ "runtime.", OS_NONE, "go.other" },
};

/* Wrappers of system calls, and what only leads to them. */
static const char *const wrappers[] = {
	"runtime.",          "runtime/",   "internal/",    "syscall.",
	"golang.org/x/sys/", "x_cgo_mmap", "x_cgo_munmap",
};

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_libc(const char *module)
{
	return begins(module, "libc.so") || begins(module, "libc-") || begins(module, "ld-musl") ||
	       begins(module, "libpthread");
}

static bool is_wrapper(const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++)
		if (begins(f->function, wrappers[i]))
			return true;
	return f->kind != FRAME_GO && is_libc(f->module);
}

void owner_names(struct live *l, const struct event_stack *s, struct owner_stack *out)
{
	out->n = 0;
	for (uint32_t i = 0; i < s->n && i < STACK_MAX && out->n < OWNER_FRAMES; i++) {
		size_t at = out->n, k = live_frames(l, s, i, out->f + at, OWNER_FRAMES - at);

		if (i == 1 && out->f[at].kind == FRAME_UNKNOWN && !out->f[at].module[0])
			continue;
		for (; k; k--)
			out->addr[out->n++] = s->pc[i];
	}
}

static enum os_call os_call(const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(os_calls); i++)
		if (begins(f->function, os_calls[i].prefix))
			return os_calls[i].call;
	return OS_NONE;
}

/* The runtime's own, or NULL. Where C code calls in between, that is behind it. */
static const char *runtime_owner(const struct owner_stack *s)
{
	enum os_call call = OS_NONE, c;
	size_t i;

	for (i = 0; i < s->n; i++) {
		c = os_call(&s->f[i]);
		if (call != OS_NONE && c == OS_NONE)
			break;
		call = c;
	}
	for (size_t k = 0; i < s->n && k < ARRAY_SIZE(callers); k++)
		if (begins(s->f[i].function, callers[k].prefix) &&
		    (callers[k].call == OS_NONE || callers[k].call == call))
			return callers[k].owner;
	return call == OS_NONE ? NULL : "go.other";
}

static const char *c_owner(const struct live *l, const struct owner_stack *s)
{
	const char *exe = strrchr(l->target.exe, '/'), *module = s->f[0].module;

	/* the function with the call is the library's; what counts is who called that */
	if (is_libc(module) && s->n > 1)
		module = s->f[1].module;
	if (is_libc(module))
		return "libc";
	return exe && !strcmp(exe + 1, module) ? "cgo" : module[0] ? module : "?";
}

const char *owner_of(const struct live *l, const struct owner_stack *s)
{
	const char *owner = runtime_owner(s);

	if (owner || !s->n)
		return owner ? owner : "?";
	if (s->f[0].kind != FRAME_GO && (s->n == 1 || s->f[1].kind != FRAME_GO))
		return c_owner(l, s);
	for (size_t i = 0; i < s->n; i++)
		if (!is_wrapper(&s->f[i]))
			return "go.user";
	return "go.other";
}

const char *owner_who(const struct owner_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!is_wrapper(&s->f[i]))
			return s->f[i].function;
	/* all the runtime's: what its goroutine does */
	for (size_t i = s->n; i > 0; i--)
		if (strcmp(s->f[i - 1].function, "runtime.goexit"))
			return s->f[i - 1].function;
	return NULL;
}

bool owner_has(const struct owner_stack *s, const char *prefix)
{
	for (size_t i = 0; i < s->n; i++)
		if (begins(s->f[i].function, prefix))
			return true;
	return false;
}

struct stack owner_column(const struct owner_stack *s, struct stack_frame *room)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct frame *f = &s->f[i];

		room[i] = (struct stack_frame){
			.function = f->function,
			.file = f->file,
			.line = f->line ? f->line : U32_NULL,
			.inlined = f->inlined,
			.module = f->module,
			.addr = s->addr[i],
			.start_line = f->start_line ? f->start_line : U32_NULL,
		};
	}
	return (struct stack){ room, s->n };
}
