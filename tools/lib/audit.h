/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * audit.h - a log that is only appended to, and that shows when it was changed.
 *
 * A record is a line of JSON; its first and last members are always these, without blanks:
 *
 *	{"v":1,"seq":7,"prev":"HASH","at_ns":"TIME","event":"NAME", … ,"crc":"1c291ca3"}\n
 *
 *	seq	number of the record in the file, from 0; later runs go on counting
 *	prev	SHA-256 of the line before, its newline included; of record 0: 64 zeros
 *	at_ns	Unix time in ns
 *	crc	CRC-32 (zlib's) of the line up to the comma before "crc", 8 hex digits
 *
 * A run begins with a record "start" and ends with "stop"; outside of a run there is nothing.
 * A run that was killed has no "stop"; the next one follows it all the same.
 *
 * What this finds: any change of a record, and records that are missing, added, repeated or in
 * another order, but for one thing: whole records that are missing at the end look like a run
 * that was killed. That is found where the hash of a later record is known from elsewhere: a run
 * says that of its last one. Whoever can write the file can write another one that is right in
 * itself; such a hash tells the two apart, too.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include "json.h"
#include "sha256.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_LINE_MAX (128U << 10) /* bytes of a line */

/* ---- writing ---- */

struct audit;

/*
 * Open a log, new or with records of earlier runs, which must be whole: else -EBADMSG. -EBUSY:
 * somebody else writes it. The file is made with mode 0600, and never truncated.
 */
int audit_open(struct audit **a, const char *path);

/* Begin a record; its members are added to what is returned, until audit_end(). */
struct json *audit_begin(struct audit *a, const char *event);

/* Append it, by one write. Once that failed, this and all later ones return the error. */
int audit_end(struct audit *a);

/* Wait until what was written is on the disk. */
int audit_sync(struct audit *a);

/* 0, or the first error with its sentence left again. */
int audit_error(const struct audit *a);

/* The number that the next record gets, and the hash of the last one. */
uint64_t audit_seq(const struct audit *a);
const char *audit_hash(const struct audit *a);

void audit_close(struct audit *a);

/* ---- checking ---- */

struct audit_check {
	uint64_t records, bytes; /* that are right */
	uint64_t runs, stopped;
	uint64_t first_ns, last_ns;
	bool running; /* the last run has no stop record */
	bool torn;    /* the file ends within a line */
	bool broken;  /* at record number `records`, or there is no record at all */
	bool found;   /* the known hash is that of a record */
	char known[SHA256_HEX], end[SHA256_HEX];
	char why[192];
	size_t len; /* of the line at hand */
	char line[AUDIT_LINE_MAX];
};

/* known: the hash of a record that must be in the log, or NULL. */
void audit_check_begin(struct audit_check *c, const char *known);

/* The next bytes of the file, cut anywhere; then its end. Whether all is right so far. */
bool audit_check_feed(struct audit_check *c, const void *data, size_t len);
bool audit_check_end(struct audit_check *c);

/* All of a file, from where it stands. 0 if it could be read, whatever it is; or -errno. */
int audit_check_fd(struct audit_check *c, int fd);

/* The process that writes it now, or 0. */
pid_t audit_writer(int fd);

#endif
