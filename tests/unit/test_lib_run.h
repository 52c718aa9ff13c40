/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* test_lib_run.h - a whole run of the program inside a test, and what it said. */
#ifndef TEST_LIB_RUN_H
#define TEST_LIB_RUN_H

#include "frontend.h"
#include "test_lib.h"
#include <unistd.h>

static char out[65536], err_text[4096];

static inline void stream_redirect(FILE *f, int *saved, int to)
{
	fflush(f);
	*saved = dup(fileno(f));
	assert_true(*saved >= 0 && dup2(to, fileno(f)) >= 0);
}

static inline void stream_restore(FILE *f, int saved)
{
	fflush(f);
	clearerr(f);
	assert_true(dup2(saved, fileno(f)) >= 0);
	close(saved);
}

static inline void file_read(FILE *f, char *text, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* The words of a line, as argv; stdout_fd -1: into out[]. The exit status. */
static inline int run_captured(int stdout_fd, const char *line)
{
	static char words[512];
	char *argv[32];
	int argc = 0, status, saved_out, saved_err;
	FILE *fout = tmpfile(), *ferr = tmpfile();

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	assert_non_null(fout);
	assert_non_null(ferr);
	stream_redirect(stdout, &saved_out, stdout_fd >= 0 ? stdout_fd : fileno(fout));
	stream_redirect(stderr, &saved_err, fileno(ferr));
	status = frontend_main(argc, argv);
	stream_restore(stdout, saved_out);
	stream_restore(stderr, saved_err);
	file_read(fout, out, sizeof(out));
	file_read(ferr, err_text, sizeof(err_text));
	return status;
}

static inline size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
