// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * hostile EXE... - every parser of executables over real ones that were damaged.
 *
 * Each is cut: at every byte of its first and last 64 KiB and of its tables, every
 * 4,096th elsewhere. Then every bit of its headers and of the beginning of its tables
 * is flipped. A line each: lies, and the longest a parser took over one. What is
 * wrong ends it, with a word (hostile.h).
 */
#include "../unit/hostile.h"
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

#define ENDS    65536
#define SEGS    8
#define REGIONS 16

struct region {
	const char *name, *parser; /* the one it matters to */
	uint8_t *p;                /* in the process; NULL: in the file */
	uint64_t off, len;
};

struct real {
	const char *path;
	uint8_t *file;
	size_t size;
	struct goproc gp;
	struct target t;
	struct vma vma[SEGS];
	struct mem_segment seg[SEGS];
	size_t nseg;
	struct region region[REGIONS];
	size_t n;
	uint64_t lies;
};

static void give_up(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	exit(1);
}

static void load(struct real *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*r = (struct real){ .path = path };
	if (fd < 0 || fstat(fd, &st))
		give_up(path, strerror(errno));
	r->file = malloc(st.st_size);
	if (!r->file || read(fd, r->file, st.st_size) != st.st_size)
		give_up(path, "cannot be read");
	r->size = st.st_size;
	close(fd);
}

/* Its writable segments as a process has them at the start. */
static void process(struct real *r, const struct binary *b)
{
	GElf_Phdr ph;
	size_t n = 0;

	for (int i = 0; gelf_getphdr(b->elf, i, &ph) && n + 2 <= SEGS; i++) {
		uint64_t end = (ph.p_vaddr + ph.p_memsz + MEM_PAGE - 1) / MEM_PAGE * MEM_PAGE;
		uint8_t *data;

		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_W))
			continue;
		data = calloc(1, end - ph.p_vaddr);
		memcpy(data, r->file + ph.p_offset, ph.p_filesz);
		r->seg[n] = (struct mem_segment){ ph.p_vaddr, data, end - ph.p_vaddr, 0 };
		r->vma[n++] = (struct vma){ .start = ph.p_vaddr / MEM_PAGE * MEM_PAGE,
					    .end = end,
					    .ino = 7,
					    .flags = VMA_R | VMA_W };
	}
	r->nseg = n;
	r->t = (struct target){ .exe_ino = 7, .exe = "hostile" };
	r->t.maps = (struct maps){ .vma = r->vma, .n = n };
	r->gp.t = &r->t;
	r->gp.mem = mem_image_new(r->seg, n);
}

static void add(struct real *r, const char *name, const char *parser, uint64_t off, uint64_t len)
{
	if (off < r->size && r->n < REGIONS)
		r->region[r->n++] = (struct region){ name, parser, NULL, off,
						     len < r->size - off ? len : r->size - off };
}

static void add_sections(struct real *r, struct hostile *h, Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Ehdr eh;
	GElf_Shdr sh;
	size_t names = 0;

	gelf_getehdr(elf, &eh);
	add(r, "ELF header", "image", 0, eh.e_ehsize);
	add(r, "program headers", "image", eh.e_phoff, eh.e_phnum * eh.e_phentsize);
	add(r, "section headers", "symbols", eh.e_shoff, eh.e_shnum * eh.e_shentsize);
	elf_getshdrstrndx(elf, &names);
	while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *name = elf_strptr(elf, names, sh.sh_name);

		if (elf_ndxscn(scn) == names)
			add(r, "section names", "header", sh.sh_offset, sh.sh_size);
		if (sh.sh_type == SHT_SYMTAB)
			add(r, "symbols", "symbols", sh.sh_offset, 32 * sizeof(GElf_Sym));
		if (name && !strcmp(name, ".go.buildinfo")) {
			add(r, "build info", "build info", sh.sh_offset, sh.sh_size);
			h->info = sh.sh_offset;
		}
	}
}

/* Where the module is, go_resolve() says also when it does not find the rest. */
static void add_module(struct real *r, const struct image *im)
{
	struct resolved res;
	uint64_t md, gofunc, left;
	const uint8_t *p;

	go_resolve(&r->gp, r->gp.l, &res);
	md = res.addr[G_firstmoduledata];
	for (size_t i = 0; md && i < r->nseg && r->n < REGIONS; i++)
		if (md - r->seg[i].addr < r->seg[i].len)
			r->region[r->n++] =
				(struct region){ "module data", "module",
						 (uint8_t *)r->seg[i].data + (md - r->seg[i].addr),
						 0, 640 };
	if (!md || mem_u64(r->gp.mem, md + r->gp.l->md_gofunc, &gofunc))
		return; /* of a PIE it is not relocated */
	p = image_bytes(im, gofunc, 1, &left);
	if (p)
		add(r, "inline trees", "line table", p - im->file->p, left < 512 ? left : 512);
}

static void find_regions(struct real *r, struct hostile *h)
{
	struct binary *b = &r->gp.bin;
	struct image im;
	struct pclntab t;
	struct gofunc f;
	uint64_t addr;

	if (binary_open(b, h->fd, r->path) || image_open(&im, &b->file) ||
	    image_pclntab(&im, &t, &addr) || !pclntab_func(&t, t.nfunc / 2, &f))
		give_up(r->path, "is not a Go program that we know");
	r->gp.l = go_layout_find(b->minor, EM_X86_64);
	if (!r->gp.l)
		give_up(r->path, "is of a release without a layout");
	h->pcln = t.p - im.file->p;
	process(r, b);
	add_sections(r, h, b->elf);
	add(r, "line table", "line table", h->pcln, 72);
	add(r, "functions", "line table", h->pcln + t.functab, 32 * 8);
	add(r, "a function", "line table", h->pcln + f.func, 6 * 64);
	add_module(r, &im);
	binary_close(b);
}

static bool cut_at(const struct real *r, size_t len)
{
	if (len < ENDS || r->size - len <= ENDS || len % 4096 == 0)
		return true;
	for (size_t i = 0; i < r->n; i++)
		if (!r->region[i].p && len - r->region[i].off < r->region[i].len)
			return true;
	return false;
}

static void cut(struct real *r, struct hostile *h)
{
	for (size_t len = r->size; len--;)
		if (cut_at(r, len)) {
			hostile_cut(h, len);
			hostile_run(h, "cut at", len, NULL);
			r->lies++;
		}
}

static void flip(struct real *r, struct hostile *h, const struct region *k)
{
	for (uint64_t bit = 0; bit < k->len * 8; bit++) {
		if (k->p)
			k->p[bit / 8] ^= 1 << bit % 8;
		else
			hostile_flip(h, k->off + bit / 8, 1 << bit % 8);
		hostile_run(h, k->name, bit, k->parser);
		if (k->p)
			k->p[bit / 8] ^= 1 << bit % 8;
		else
			hostile_flip(h, k->off + bit / 8, 1 << bit % 8);
		r->lies++;
	}
}

static void one(const char *path)
{
	struct hostile h;
	struct real r;
	uint64_t start = hostile_cpu_ns();

	load(&r, path);
	hostile_begin(&h, &r.gp, path, r.file, r.size);
	find_regions(&r, &h);
	for (size_t i = 0; i < r.n; i++)
		flip(&r, &h, &r.region[i]);
	cut(&r, &h);
	printf("%s: %zu tables, %llu lies in %.1f s of CPU, the longest %.1f ms\n", path, r.n,
	       (unsigned long long)r.lies, (hostile_cpu_ns() - start) / 1e9,
	       hostile_now.longest / 1e6);
	hostile_end(&h);
	mem_close(r.gp.mem);
	for (size_t i = 0; i < r.nseg; i++)
		free((void *)r.seg[i].data);
	free(r.file);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		one(argv[i]);
	return argc < 2;
}
