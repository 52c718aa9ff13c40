// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The one main(), apart from the frontend so that tests can link that. */
#include "frontend.h"

int main(int argc, char **argv)
{
	return frontend_main(argc, argv);
}
