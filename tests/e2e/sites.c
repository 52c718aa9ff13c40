// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * sites FILE - where in the functions of a Go program probes may go.
 *
 * For every function of the line table: "branch ADDR", "entry ADDR" or "none ADDR ERROR"
 * for where its calls are counted, and "ret ADDR" for each return; "refused ADDR ERROR NAME"
 * where the returns are not known. Addresses are the file's.
 */
#include "fail.h"
#include "go/binary.h"
#include "go/image.h"
#include "go/site.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define RETS_MAX 8192

static void print(const struct image *im, const struct pclntab *t, const struct gofunc *f,
		  uint64_t text)
{
	static uint32_t offs[RETS_MAX];
	unsigned long long addr = text + f->entry;
	uint16_t machine = im->elf.eh.e_machine;
	size_t len = f->end - f->entry;
	struct site s;
	uint64_t left;
	const uint8_t *code = image_bytes(im, addr, len, &left);
	int n;

	if (!code) {
		printf("refused %llx 0 %s\n", addr, f->name);
		return;
	}
	n = site_check(machine, code, len, &s);
	if (n)
		printf("none %llx %d %s\n", addr, n, f->name);
	else
		printf("%s %llx\n", s.kind == SITE_BRANCH ? "branch" : "entry", addr + s.off);
	n = site_rets_level(t, f, machine, code, len, offs, RETS_MAX);
	if (n < 0)
		printf("refused %llx %d %s\n", addr, n, f->name);
	for (int i = 0; i < n; i++)
		printf("ret %llx\n", addr + offs[i]);
}

int main(int argc, char **argv)
{
	struct binary bin;
	struct image im;
	struct pclntab t;
	struct gofunc f;
	uint64_t addr;
	int fd, err;

	if (argc != 2) {
		fprintf(stderr, "usage: sites FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	err = binary_open(&bin, fd, argv[1]);
	err = err ? err : image_open(&im, &bin.file);
	err = err ? err : image_pclntab(&im, &t, &addr);
	if (err) {
		fprintf(stderr, "sites: %d %s\n", err, fail_text());
		return 1;
	}
	/* linked by Go itself: from 1.26 the header does not say, and it is all of .text */
	for (uint32_t i = 0; i < t.nfunc; i++)
		if (pclntab_func(&t, i, &f))
			print(&im, &t, &f, bin.text);
	binary_close(&bin);
	return 0;
}
