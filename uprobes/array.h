/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * array.h - arrays that grow.
 *
 *	if (array_room(h->span, h->n + 1, h->cap))
 *		return -ENOMEM;
 *	h->span[h->n++] = span;
 *
 * Both are 0, or -ENOMEM with all as it was. What is new is not cleared. How many there may be is
 * for the caller to limit; sizes that overflow are no memory.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <errno.h>
#include <stdlib.h>

/* Room for n elements; room is how many there is room for, 0 with an array that is NULL. */
#define array_room(array, n, room)                                                                 \
	({                                                                                         \
		void *to_ = (array);                                                               \
		size_t room_ = (room);                                                             \
		int err_ = array_resize(&to_, &room_, (n), sizeof(*(array)));                      \
                                                                                                   \
		(array) = to_;                                                                     \
		(room) = room_;                                                                    \
		err_;                                                                              \
	})

/*
 * Room for one more than n. Only for what grows by one each time, from nothing: then there is room
 * for the next power of two, and nobody needs to keep that.
 */
#define array_more(array, n)                                                                       \
	({                                                                                         \
		void *to_ = (array);                                                               \
		size_t n_ = (n), room_ = n_ & (n_ - 1) ? n_ + 1 : n_;                              \
		int err_ = array_resize(&to_, &room_, n_ + 1, sizeof(*(array)));                   \
                                                                                                   \
		(array) = to_;                                                                     \
		err_;                                                                              \
	})

static inline int array_resize(void **array, size_t *room, size_t n, size_t size)
{
	size_t want = 2 * *room > n ? 2 * *room : n;
	void *to;

	if (n <= *room)
		return 0;
	to = reallocarray(*array, want, size);
	if (!to)
		return -ENOMEM;
	*array = to;
	*room = want;
	return 0;
}

#endif
