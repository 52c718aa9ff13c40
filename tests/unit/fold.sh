#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# fold.sh FILE - folds the stacks of a stream's JSON by "bytes", as a second opinion on
# tools/lib/sink_folded.c. Lines come in the order their stacks came first.
set -euo pipefail

jq -r 'select(.stack and .bytes) |
	([.stack | reverse[] | .func // (if .addr then .module + "@" + .addr else .module end) |
	  gsub(";"; ":") | gsub(" "; "_")] | if . == [] then ["[unknown]"] else . end |
	 join(";")) + " " + (.bytes | tostring)' "$1" |
awk '{
	if (!($1 in sum))
		order[n++] = $1
	sum[$1] += $2
}
END {
	for (i = 0; i < n; i++)
		print order[i], sum[order[i]]
}' | while read -r stack bytes; do
	# addresses are decimal in JSON
	while [[ $stack =~ @([0-9]+)(;|$) ]]; do
		hex=$(printf '0x%x' "${BASH_REMATCH[1]}")
		stack=${stack/@${BASH_REMATCH[1]}/@$hex}
	done
	echo "$stack $bytes"
done
