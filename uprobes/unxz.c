// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Unpacking xz data; see unxz.h. */
#include "unxz.h"
#include <errno.h>
#include <stdlib.h>

#ifdef HAVE_LIBLZMA
#include <lzma.h>

#define MEMORY_MAX (64ULL << 20) /* of the decoder: its dictionary */
#define FIRST      (1U << 20)

bool unxz_there(void)
{
	return true;
}

static int grow(uint8_t **out, size_t *cap, size_t max)
{
	size_t n = *cap ? *cap * 2 : FIRST;
	uint8_t *p;

	if (*cap >= max)
		return -E2BIG;
	n = n < max ? n : max;
	p = realloc(*out, n);
	if (!p)
		return -ENOMEM;
	*out = p;
	*cap = n;
	return 0;
}

static int decode(lzma_stream *s, size_t max, uint8_t **out, size_t *len)
{
	size_t cap = 0;
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		int err = *len == cap ? grow(out, &cap, max) : 0;

		if (err)
			return err;
		s->next_out = *out + *len;
		s->avail_out = cap - *len;
		ret = lzma_code(s, LZMA_FINISH);
		*len = cap - s->avail_out;
	}
	return ret == LZMA_STREAM_END ? 0 : ret == LZMA_MEMLIMIT_ERROR ? -E2BIG : -EBADMSG;
}

int unxz(const void *p, size_t n, size_t max, uint8_t **out, size_t *len)
{
	lzma_stream s = LZMA_STREAM_INIT;
	int err;

	*out = NULL;
	*len = 0;
	if (lzma_stream_decoder(&s, MEMORY_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	s.next_in = p;
	s.avail_in = n;
	err = decode(&s, max, out, len);
	lzma_end(&s);
	if (err) {
		free(*out);
		*out = NULL;
	}
	return err;
}

#else

bool unxz_there(void)
{
	return false;
}

int unxz(const void *p, size_t n, size_t max, uint8_t **out, size_t *len)
{
	*out = NULL;
	*len = 0;
	return -ENOSYS;
}

#endif
