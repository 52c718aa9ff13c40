/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* profile.h - what a profile of events says beside its stacks: the code that is mapped. */
#ifndef LIVE_PROFILE_H
#define LIVE_PROFILE_H

#include "live/live.h"

#define LIVE_PROFILE                                                                               \
	{                                                                                          \
		.key = "profile", .cols = profile_cols, .shape = SEC_FIELDS, .flags = SEC_PROFILE  \
	}

/*
 * Emit it as the tool's section LIVE_PROFILE, if it has one and there is a sink for it. For
 * live_open(): before the first stack, so libraries that are loaded later are not in it. 0 or
 * -errno.
 */
int live_profile(struct live *l);

#endif
