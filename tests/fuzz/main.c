// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * What runs a fuzz target where there is no libFuzzer: each file and each file of a
 * directory that is named, once.
 */
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned replayed;

static void file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st)) {
		perror(path);
		exit(1);
	}
	data = malloc(st.st_size + 1);
	n = data ? fread(data, 1, st.st_size, f) : 0;
	fclose(f);
	/* a copy of the exact size, so that the sanitizer sees its end */
	data = realloc(data, n ? n : 1);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	replayed++;
}

static void each(const char *path)
{
	DIR *dir = opendir(path);
	char name[4096];

	if (!dir) {
		file(path);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
			each(name);
		}
	closedir(dir);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			each(argv[i]);
	printf("%u inputs replayed\n", replayed);
	return 0;
}
