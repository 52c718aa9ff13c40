#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What goalloc takes of the CPU time of a service that allocates a lot: prometheus as Debian ships
# it, asked for its own metrics without pause, by each mode's own account (hits and what each
# took). Needs root and wrk.
#
#	O=.out ROUNDS=5 SECONDS_EACH=10 tests/bench/service.sh
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}
PORT=${PORT:-29090}
[ "$(id -u)" = 0 ] || die "needs root"
[ -x "$GMT" ] || die "run make all"
command -v wrk >/dev/null || { echo "wrk: not installed, a service was not measured"; exit 0; }

tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/gomemtrace-service.XXXXXX")
trap cleanup EXIT
root=$("$here/../debs.sh" pkg trixie prometheus)
printf 'scrape_configs: []\n' >"$tmp/prometheus.yml"
"$root/usr/bin/prometheus" --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/data" \
	--web.listen-address="127.0.0.1:$PORT" 2>"$tmp/log" &
target=$!
wait_line "$tmp/log" 'ready to receive web requests'
wrk -t1 -c8 -d24h "http://127.0.0.1:$PORT/metrics" >"$tmp/wrk" &
tools+=($!)
sleep 2

account() {
	"$GMT" goalloc "${@:2}" -p "$target" -d "$SECONDS_EACH" -j 2>/dev/null |
		jq -r --arg what "$1" 'select(.summary) | .summary |
			[.overhead_pct, .objects / .seconds, .bytes / .seconds, .probe_hits / .seconds, .source // "counters"] | @tsv'
}

echo "$(date -u +%F), $(uname -srm), $(nproc) CPUs, $("$root/usr/bin/prometheus" --version 2>&1 |
	sed -n '1s/ (.*//p; s/ *go version: *//p' | xargs)"
while read -r what args; do
	for ((i = 0; i < ROUNDS; i++)); do
		# shellcheck disable=SC2086
		account "$what" $args
	done | sort -n | awk -F '\t' -v what="$what" '{ line[NR] = $0; low = NR == 1 ? $1 : low; high = $1 } END {
		split(line[int((NR + 1) / 2)], v)
		printf "%s: %.3f %% of the CPU time (median of %d; %.3f to %.3f), %.2fM objects and %.0f MB a second, %.0f hits: %s\n",
			what, v[1], NR, low, high, v[2] / 1e6, v[3] / 1e6, v[4], v[5] }'
done <<END
totals --mode totals
sampled --mode sampled --budget 100
windowed --mode windowed --sample 1
END
