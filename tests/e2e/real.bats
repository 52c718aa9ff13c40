#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Programs as a distribution ships them: stripped, linked against libc, with default
# settings and a little load; and the same after strip --strip-all. Everything stays on
# the loopback interface.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

setup_file() { :; }

# free_port: one nobody listens on, below those the kernel hands out
free_port() {
	local p
	for _ in {1..50}; do
		p=$((20000 + RANDOM % 10000))
		if ! (exec 5<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
			echo $p
			return
		fi
	done
	return 1
}

# http PORT PATH [BODY]: GET, or POST of a body; the answer on stdout, fails unless 200
http() {
	local fd line method=GET
	[ -z "${3:-}" ] || method=POST
	exec {fd}<>"/dev/tcp/127.0.0.1/$1" || return 1
	printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
		"$method" "$2" ${#3} "${3:-}" >&"$fd"
	IFS= read -r -t 10 -u "$fd" line
	cat <&"$fd"
	exec {fd}>&-
	[[ $line == "HTTP/1.1 200"* ]]
}

# ready PORT PATH: waits for the service started last
ready() {
	for _ in {1..150}; do
		! gone "$CHILD" || { echo "the service ended"; return 1; }
		! (http "$1" "$2") >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	echo "the service does not answer"
	return 1
}

# service NAME: what must hold of a ledger of any of them
service() {
	local n=0
	PID=$CHILD
	for _ in 1 2 3 4 5; do
		look || return 1
		each_line "$1" < <(jq -r --arg comm "$1" '
			def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
			[.rows[].id | select(startswith("go."))] as $go |
			[.rows[] | select(.id | startswith("go.")) | .resident | values] as $known |
			want("comm"; .comm; $comm),
			want("stripped"; .binary.stripped; true),
			want("cgo"; .binary.cgo; true),
			(select(.go_version // "" | test("^go1\\.[0-9]+") | not) | "go_version is \(.go_version)"),
			want("sum of the known rows and the residual"; ([.rows[].resident | values] | add) + .residual; .rss),
			(select((.residual | fabs) > .residual_bound) | "the residual \(.residual) is beyond its bound"),
			(select(.rows | map(select(.id == "libs"))[0].resident < 500000) | "no C library in libs"),
			(select(.rows | map(select(.id == "elf.text"))[0].resident < 1000000) | "no program in elf.text"),
			want("proven"; .facts.proven; true),
			want("known Go rows"; $known | length; $go | length)
			' "$LEDGER" 2>&1)
		near "$1: rss" "$(l .rss)" "$(rss_rollup)" 4194304
		[ "$(l .residual)" != 0 ] || n=$((n + 1))
	done
	check "$1: looks without a residual" $n -ge 1
	census "$1"
	tool -p "$PID"
	check "$1: screen" "$STATUS" -eq 0
	check "$1: widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	grep -q "^$1 .*$PID" "$T/out" || fail "$1: not the name and pid: $(head -n 1 "$T/out")"
}

# census NAME: what must hold of its heap, which may move
census() {
	local n
	for n in {1..20}; do
		tool goheap -p "$PID" -j
		check "$1: goheap" "$STATUS" -eq 0
		! jq -e 'select(.summary) | .summary.consistent' "$T/out" >/dev/null || break
	done
	each_line "$1: goheap" < <(jq -n -r --slurpfile o "$T/out" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		($o[] | select(.summary) | .summary) as $t |
		[$o[] | select(.state == "in_use")] as $used | [$o[] | select(.type)] as $types |
		want("consistent, at least once"; $t.consistent; true),
		want("pages"; [$used[].mapped] | add; $t.heap_inuse),
		want("parts"; $t.occupied_bytes + $t.free_slots_bytes + $t.tail_bytes; $t.heap_inuse),
		want("types known"; $t.types_known; true),
		(select($types | length < 5) | "only \($types | length) types"),
		(select($t.untyped_objects * 20 > $t.typed_objects) |
			"\($t.untyped_objects) objects without a type, \($t.typed_objects) with one"),
		(select([$types[] | select(.type | test("^(\\[\\])*\\**runtime\\."))] == []) | "no type of the runtime")
		' 2>&1)
}

# both FUNCTION FILE: with the program as it is, and with a copy that strip(1) went over
both() {
	local exe
	mkdir "$T/stripped"
	cp "$2" "$T/stripped"
	strip --strip-all "$T/stripped/${2##*/}"
	for exe in "$2" "$T/stripped/${2##*/}"; do
		rm -rf "$T/data"
		"$1" "$exe" || { tail -n 5 "$T/log"; fail "${exe##*/} stopped short"; }
		stop_all
	done
	done_checking
}

run_prometheus() {
	port=$(free_port)
	cat >"$T/prometheus.yml" <<-END
		global: { scrape_interval: 1s }
		scrape_configs:
		  - job_name: self
		    static_configs: [ targets: [ "127.0.0.1:$port" ] ]
	END
	spawn "$1" --config.file="$T/prometheus.yml" \
		--storage.tsdb.path="$T/data" --web.listen-address="127.0.0.1:$port" 2>"$T/log"
	ready "$port" /-/ready || return 1
	for n in {1..60}; do
		http "$port" "/api/v1/query?query=sum(rate(go_memstats_alloc_bytes_total%5B${n}m%5D))" >/dev/null
	done
	service prometheus
}

@test "real: prometheus as Debian ships it" {
	dir=$("$ROOT/tests/debs.sh" pkg trixie prometheus 3>&-)
	both run_prometheus "$dir/usr/bin/prometheus"
}

run_etcd() {
	client=$(free_port)
	peer=$(free_port)
	while [ "$peer" = "$client" ]; do peer=$(free_port); done
	spawn "$1" --data-dir "$T/data" \
		--listen-client-urls "http://127.0.0.1:$client" \
		--advertise-client-urls "http://127.0.0.1:$client" \
		--listen-peer-urls "http://127.0.0.1:$peer" \
		--initial-advertise-peer-urls "http://127.0.0.1:$peer" \
		--initial-cluster "default=http://127.0.0.1:$peer" 2>"$T/log"
	ready "$client" /health || return 1
	for n in {1..200}; do
		key=$(printf 'key-%d' "$n" | base64)
		value=$(printf '%01009d' "$n" | base64 -w 0)
		http "$client" /v3/kv/put "{\"key\":\"$key\",\"value\":\"$value\"}" >/dev/null
	done
	service etcd
}

@test "real: etcd as Debian ships it" {
	dir=$("$ROOT/tests/debs.sh" pkg trixie etcd-server 3>&-)
	both run_etcd "$dir/usr/bin/etcd"
}

# plain NAME PACKAGE FILE ARGS...: a service that is up when it has been for a while
plain() {
	local dir
	dir=$("$ROOT/tests/debs.sh" pkg trixie "$2" 3>&-) || return 1
	NAME=$1 ARGS=("${@:4}")
	both run_plain "$dir/$3"
}

run_plain() {
	HOME=$T spawn "$1" "${ARGS[@]}" 2>"$T/log"
	sleep 3
	! gone "$CHILD" || return 1
	service "$NAME"
}

@test "real: caddy as Debian ships it" {
	plain caddy caddy usr/bin/caddy file-server --listen "127.0.0.1:$(free_port)" --root "$T"
}

@test "real: nats-server as Debian ships it" {
	plain nats-server nats-server usr/sbin/nats-server -a 127.0.0.1 -p "$(free_port)"
}

@test "real: syncthing as Debian ships it" {
	plain syncthing syncthing usr/bin/syncthing serve --home="$T/data" --no-browser \
		--gui-address="127.0.0.1:$(free_port)"
}

@test "real: victoria-metrics as Debian ships it" {
	plain victoria-metric victoria-metrics usr/bin/victoria-metrics \
		-storageDataPath="$T/data" -httpListenAddr="127.0.0.1:$(free_port)"
}

# It finds what it can do here by trying, and none of it outlives the test.
@test "real: containerd as Debian ships it" {
	printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$T/containerd.toml"
	plain containerd containerd usr/bin/containerd --config "$T/containerd.toml" --root "$T/data" \
		--state "$T/state" --address "$T/containerd.sock"
}
