// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Numbers as people read them; see human.h. */
#include "human.h"
#include "col.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BAR_WIDTH 20

/* How many decimals, as long as the number in units of the last of them is below the limit. */
struct digits {
	unsigned int scale, limit; /* scale: 10 to the decimals */
};

static const struct digits one_decimal[] = { { 10, 10240 }, {} };
static const struct digits three_digits[] = { { 100, 1000 }, { 10, 1000 }, { 1, 1024 }, {} };

static char *unknown(char *buf)
{
	return strcpy(buf, "-");
}

static int decimal_print(char *buf, uint64_t n, unsigned int scale)
{
	int decimals = scale == 100 ? 2 : scale == 10 ? 1 : 0;

	if (!decimals)
		return sprintf(buf, "%" PRIu64, n);
	return sprintf(buf, "%" PRIu64 ".%0*" PRIu64, n / scale, decimals, n % scale);
}

/* A number that would round to 1024.0 is 1.0 of the next unit. */
static char *binary_print(char *buf, const char *sign, uint64_t v, const struct digits *digits)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	int len = sprintf(buf, "%s", sign);

	if (v < 1024) {
		sprintf(buf + len, "%" PRIu64 " B", v);
		return buf;
	}
	for (size_t i = 0; i <= last; i++) {
		unsigned int shift = 10 * (i + 1);

		for (const struct digits *d = digits; d->scale; d++) {
			unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
			uint64_t n = ((unsigned __int128)v * d->scale + half) >> shift;

			if (n >= d->limit && (i < last || d[1].scale))
				continue;
			len += decimal_print(buf + len, n, d->scale);
			sprintf(buf + len, " %s", units[i]);
			return buf;
		}
	}
	return buf;
}

char *human_bytes(char *buf, uint64_t bytes)
{
	return bytes == U64_NULL ? unknown(buf) : binary_print(buf, "", bytes, one_decimal);
}

char *human_bytes3(char *buf, uint64_t bytes)
{
	return bytes == U64_NULL ? unknown(buf) : binary_print(buf, "", bytes, three_digits);
}

char *human_sbytes(char *buf, int64_t bytes)
{
	const char *sign = bytes < 0 ? "-" : bytes > 0 ? "+" : "";

	if (bytes == S64_NULL)
		return unknown(buf);
	return binary_print(buf, sign, bytes < 0 ? -bytes : bytes, one_decimal);
}

char *human_count(char *buf, uint64_t n)
{
	char digits[24];
	int len = sprintf(digits, "%" PRIu64, n);
	char *to = buf;

	if (n == U64_NULL)
		return unknown(buf);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

char *human_nsec(char *buf, uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t tenth; /* of the unit, in ns */
	} units[] = { { "us", 100 }, { "ms", 100000 }, { "s", 100000000 } };
	const size_t nr = sizeof(units) / sizeof(units[0]);
	int len;

	if (ns == U64_NULL)
		return unknown(buf);
	if (ns < 1000) {
		sprintf(buf, "%" PRIu64 " ns", ns);
		return buf;
	}
	for (size_t i = 0; i < nr; i++) {
		uint64_t tenth = units[i].tenth, n = ns / tenth + (ns % tenth >= tenth / 2);

		if (n >= 10000 && i < nr - 1)
			continue;
		len = decimal_print(buf, n, 10);
		sprintf(buf + len, " %s", units[i].name);
		break;
	}
	return buf;
}

char *human_time(char *buf, uint64_t unix_ns)
{
	time_t t = unix_ns / 1000000000;
	char zone[8] = "";
	struct tm tm;

	if (unix_ns == U64_NULL || !localtime_r(&t, &tm))
		return unknown(buf);
	strftime(buf, HUMAN_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	if (strftime(zone, sizeof(zone), "%z", &tm) == 5)
		sprintf(buf + strlen(buf), "%.3s:%s", zone, zone + 3);
	return buf;
}

char *human_mono(char *buf, uint64_t ns)
{
	if (ns == U64_NULL)
		return unknown(buf);
	sprintf(buf, "%" PRIu64 ".%06" PRIu64, ns / 1000000000, ns % 1000000000 / 1000);
	return buf;
}

char *human_addr(char *buf, uint64_t addr)
{
	if (addr == U64_NULL)
		return unknown(buf);
	sprintf(buf, "0x%" PRIx64, addr);
	return buf;
}

char *human_percent(char *buf, double pct)
{
	double size = fabs(pct);
	int len;

	if (!isfinite(pct))
		return unknown(buf);
	if (size > 1e15)
		size = 1e15;
	len = sprintf(buf, "%s", pct <= -0.05 ? "-" : "");
	decimal_print(buf + len, size * 10 + 0.5, 10);
	return buf;
}

char *human_stars(char *buf, uint64_t n, bool utf8)
{
	*buf = '\0';
	if (n > 3)
		return unknown(buf);
	for (uint64_t i = 0; i < n; i++)
		strcat(buf, utf8 ? "★" : "*");
	return buf;
}

char *human_bar(char *buf, double pct, bool utf8)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	unsigned int steps = utf8 ? 8 : 1, n;

	*buf = '\0';
	if (!(pct > 0))
		return buf;
	n = (pct > 100 ? 100 : pct) * BAR_WIDTH * steps / 100 + 0.5;
	for (; n >= steps; n -= steps)
		strcat(buf, utf8 ? "█" : "#");
	return strcat(buf, eighths[utf8 ? n : 0]);
}
