/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* truth.h - the C side of c-truth; see truth.c. */
#ifndef TRUTH_H
#define TRUTH_H

void start(void);
/* Do one command and write its answer. line is overwritten. */
void command(char *line);
void faults(unsigned long *min, unsigned long *maj);
/* Wait until the threads that helped sleep again. */
void settle(void);
/* Never returns; blocked() is how many wait so. */
void block(void);
int blocked(void);

#endif
