// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * host PATH... - a C program with Go in it: loads shared libraries, then calls GoMain of
 * the last one, which is truth (truth/main.go) and says the pid first. PAGES pages of its
 * own .bss are touched.
 */
#include <dlfcn.h>
#include <stdio.h>

#define PAGES 317

static char touched[PAGES * 4096] __attribute__((aligned(4096)));

int main(int argc, char **argv)
{
	void (*go_main)(void) = NULL;

	for (int i = 0; i < PAGES; i++)
		((volatile char *)touched)[i * 4096] = 1;
	for (int i = 1; i < argc; i++) {
		void *lib = dlopen(argv[i], RTLD_NOW);

		if (!lib) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		go_main = (void (*)(void))dlsym(lib, "GoMain");
	}
	if (go_main)
		go_main();
	return !go_main;
}
