#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Starts a small Go service whose RSS is several times its live heap, and lets
# gomemtrace say where the rest is. Any user: the service is our own child.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../.out}

# The go on PATH if it is 1.19 or newer, else Debian's 1.24.
go_new_enough() {
	local v
	v=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | grep -oE '^go1\.[0-9]+') || return 1
	[ "${v#go1.}" -ge 19 ]
}

[ -x "$O/gomemtrace" ] || { echo "demo: no $O/gomemtrace (run make)" >&2; exit 1; }
rel=1.24
! go_new_enough || rel=local
"$here/targets/build.sh" "$rel"
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/gomemtrace
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi

# The service ends when the pipe to it is closed, also if we are killed.
coproc SVC { exec "$cache/targets/$rel/gapsvc"; }
# shellcheck disable=SC2153
pid=$SVC_PID out=${SVC[0]} in=${SVC[1]}
if ! IFS= read -r -t 60 -u "$out" line || [ "$line" != ready ]; then
	echo "demo: the service did not start" >&2
	exit 1
fi
status=0
"$O/gomemtrace" -p "$pid" || status=$?
if [ $status = 3 ] && [ "$(id -u)" != 0 ]; then
	echo "demo: this system lets only root look (try: sudo make demo)" >&2
fi
exec {in}>&-
wait "$pid" 2>/dev/null || true
exit $status
