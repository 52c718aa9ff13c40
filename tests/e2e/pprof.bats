#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Profiles: the heap profile read from outside is the program's own, bucket by bucket; files
# of every tool are opened by pprof itself.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153
load lib

# The pprof that comes built with a release, for the files of all of them.
pprof() {
	: "${PPROF:=$("$ROOT/tests/debs.sh" go 1.24)/pkg/tool/linux_amd64/pprof}"
	HOME=$T PPROF_TMPDIR=$T "$PPROF" "$@" 2>"$T/pprof.err" || cat "$T/pprof.err"
}

# samples FILE: a line a sample that is not zero: values, labels, then its locations in full:
# address, and function, line and its first line (s) for each inlined call in it. Samples that are the same but for
# what runtime/pprof leaves out of their stacks are one.
samples() {
	pprof -raw "$1" | awk '
		/^Samples:/ { part = "s"; getline; sub(/\[dflt\]/, ""); print "types", $0; next }
		/^Locations/ { part = "l"; next }
		/^Mappings/ { part = "m"; next }
		/^Period/ { print }
		part == "s" && /^ +-?[0-9].*:/ {
			n++
			split($0, half, /: */)
			gsub(/ +/, " ", half[1])
			value[n] = half[1]; ids[n] = half[2]
			next
		}
		part == "s" { gsub(/^ +/, ""); label[n] = label[n] $0 }
		part == "l" {
			if (match($0, /^ +[0-9]+: /)) {
				id = substr($0, 1, RLENGTH) + 0
				loc[id] = substr($0, RLENGTH + 1)
			} else {
				sub(/^ +/, "")
				loc[id] = loc[id] " < " $0
			}
		}
		END {
			for (i = 1; i <= n; i++) {
				line = label[i]
				k = split(ids[i], at, " ")
				for (j = 1; j <= k; j++)
					line = line " | " loc[at[j]]
				k = split(value[i], v, " ")
				for (j = 1; j <= k; j++)
					sum[line, j] += v[j]
				all[line] = k
			}
			for (line in all) {
				any = text = ""
				for (j = 1; j <= all[line]; j++) {
					any = any || sum[line, j] != 0
					# %d of some awks ends at 2^31 - 1
					text = text sprintf("%.0f ", sum[line, j])
				}
				if (any)
					print text line
			}
		}' | LC_ALL=C sort
}

# mapping FILE: of the program itself
mapping() { pprof -raw "$1" | awk '/^Mappings/ { m = 1 } m && /targets/ { print $2, $3, $4 }'; }

# column FILE N PATTERN: a sum over the samples with a function that matches
column() {
	samples "$1" | awk -v c="$2" -v p="$3" '$0 ~ p && !/^(types|Period)/ { s += $c } END { printf "%.0f", s }'
}

same() {
	if ! diff "$2" "$3" >"$T/unlike"; then
		fail "$1: $(grep -c '^[<>]' "$T/unlike") lines differ: $(head -n 4 "$T/unlike" | cut -c 1-300)"
	fi
}

# heap FILE [ARGS...]
heap() {
	tool goheap -p "$PID" -o "pprof:$1" "${@:2}"
	[ $STATUS = 0 ] || { echo "goheap: $(cat "$T/err")"; return 1; }
}

# our_own RELEASE VARIANT: ours, between two of the program's own that are the same
our_own() {
	start "$1" "$2"
	ask work 101
	ask gc 3
	ask drop
	ask work 7
	ask gc 2
	ask work 5
	ask write "$T/before"
	heap "$T/ours"
	ask write "$T/after"
	samples "$T/before" >"$T/before.txt"
	samples "$T/after" >"$T/after.txt"
	samples "$T/ours" >"$T/ours.txt"
	same "$2: the program itself" "$T/before.txt" "$T/after.txt"
	same "$2: ours" "$T/after.txt" "$T/ours.txt"
	check "$2: samples" "$(wc -l <"$T/ours.txt")" -gt 20
	check "$2: inlined calls" "$(grep -c ' < ' "$T/ours.txt")" -gt 5
	# 1.19 does not know where functions begin
	[ "$1" = 1.19 ] || check "$2: first lines" "$(grep -c 'main.*:0 s=[1-9]' "$T/ours.txt")" -gt 20
	check "$2: freed" "$(awk '$1 > $3' "$T/ours.txt" | wc -l)" -gt 5
	check "$2: mapping" "$(mapping "$T/ours")" = "$(mapping "$T/after")"
}

builds_equal() {
	local v
	for v in profile profile-stripped profile-pgo; do
		[ -e "$CACHE/targets/$1/$v" ] || continue
		our_own "$1" "$v" || fail "$v stopped short"
		stop_all
	done
}

@test "the heap profile is the program's own, bucket by bucket: plain, stripped, PGO" {
	each_release builds_equal
}

# What has not been shown yet comes with --fresh: after two more collections the program shows it.
fresh() {
	local old now
	# each allocation, once a first one was sampled by the rate of the program's start
	start "$1" profile 1
	ask work 20
	ask gc 3
	ask work 11
	heap "$T/shown"
	heap "$T/fresh" --fresh
	ask gc 3
	ask write "$T/later"
	old=$(column "$T/shown" 1 main.deep)
	now=$(column "$T/fresh" 1 main.deep)
	check "fresh objects" $((now - old)) -ge 22
	check "fresh objects, shown later" "$now" = "$(column "$T/later" 1 main.deep)"
	check "fresh bytes, shown later" "$(column "$T/fresh" 2 main.deep)" = \
		"$(column "$T/later" 2 main.deep)"
}

@test "--fresh is what the program shows after the next collections" {
	each_release fresh
}

# A program that has not collected yet shows all it has.
uncollected() {
	local rate
	for rate in 1 4099; do
		start "$1" profile "$rate"
		ask work 20
		heap "$T/ours"
		ask write "$T/own"
		samples "$T/own" | grep -v pprof.write >"$T/own.txt"
		samples "$T/ours" >"$T/ours.txt"
		same "rate $rate" <(grep main.work "$T/own.txt") <(grep main.work "$T/ours.txt")
		check "rate $rate: samples" "$(grep -c main.work "$T/ours.txt")" -gt 5
		check "rate $rate: period" "$(grep -c "^Period: $rate\$" "$T/ours.txt")" = 1
		stop_all
	done
	# nothing in it asks for a profile, so the linker turned it off
	start "$1" types
	tool goheap -p "$PID" -o "pprof:$T/none"
	check "no samples: status" $STATUS -eq 1
	check "no samples: says why" "$(grep -c 'no heap profile' "$T/err")" -eq 1
	[ ! -e "$T/none" ] || fail "no samples: a file all the same"
	tool goheap -p "$PID" -q --record "$T/raw"
	check "no samples: recorded all the same" $STATUS -eq 0
	tool goheap --replay "$T/raw" -o "pprof:$T/none"
	check "no samples: not in the recording" $STATUS -eq 1
}

@test "a program that has not collected yet; each allocation sampled; no profile" {
	RELEASES=$(tr ' ' '\n' <<<"$RELEASES" | sed -n '1p;$p' | sort -u)
	each_release uncollected
}

@test "--base subtracts an earlier file, as pprof does" {
	start "${RELEASES##* }" profile
	ask work 5
	ask gc 3
	heap "$T/old"
	ask work 7
	ask gc 3
	heap "$T/new"
	heap "$T/diff" --base "$T/old"
	heap "$T/none" --base "$T/new"
	tool goheap -p "$PID" -q --record "$T/raw"
	tool goheap --replay "$T/raw" -o "pprof:$T/replayed"
	same "replayed" <(samples "$T/new") <(samples "$T/replayed")
	check "nothing has changed" "$(samples "$T/none" | grep -vc '^types\|^Period')" -eq 0
	# pprof -base gives the same sums by function
	check "new objects" "$(column "$T/diff" 1 main.twice)" = \
		$(($(column "$T/new" 1 main.twice) - $(column "$T/old" 1 main.twice)))
	check "there are some" "$(column "$T/diff" 1 main.twice)" -gt 0
	pprof -top -sample_index=alloc_space "$T/diff" | grep '%' >"$T/a"
	pprof -top -sample_index=alloc_space -base "$T/old" "$T/new" | grep '%' >"$T/b"
	same "pprof -top" "$T/b" "$T/a"
	check "functions in it" "$(grep -c main "$T/a")" -gt 5

	tool goheap -p "$PID" -o "folded:$T/folded.old"
	ask work 3
	ask gc 3
	tool goheap -p "$PID" -o "folded:$T/folded.new"
	tool goheap -p "$PID" -o "folded:$T/folded.diff" --base "$T/folded.old"
	# stack OLD NEW: without either it is the one file or the other
	same "old" <(sort "$T/folded.old") <(sed -nE 's/ ([1-9][0-9]*) [0-9]+$/ \1/p' "$T/folded.diff" | sort)
	same "new" <(sort "$T/folded.new") <(sed -nE 's/ [0-9]+ ([1-9][0-9]*)$/ \1/p' "$T/folded.diff" | sort)
	check "stacks" "$(wc -l <"$T/folded.diff")" -gt 10

	tool goheap -p "$PID" -o "pprof:$T/x" --base "$T/folded.old"
	check "another format: status" $STATUS -eq 2
	tool goheap -p "$PID" --base "$T/old"
	check "no format that has it: status" $STATUS -eq 2
	tool goheap -p "$PID" -f --base "$T/none.at.all"
	check "no file: status" $STATUS -eq 1
	done_checking
}

@test "a profile that changes all the time is read all the same" {
	local n
	start "${RELEASES##* }" profile 509
	for n in 1 2 3; do
		printf 'work 41\ngc 5\nwork 41\ngc 7\n' >&"$IN"
		heap "$T/moving"
		for _ in {1..4}; do
			read -r -t 60 -u "$OUT" _ || fail "the target died"
		done
		check "samples" "$(samples "$T/moving" | wc -l)" -gt 20
	done
	done_checking
}

@test "of several looks the last counts, of several processes all; a core has the same" {
	local first both
	start "${RELEASES##* }" profile
	first=$PID
	ask work 11
	ask gc 3
	heap "$T/one"
	heap "$T/looks" 0.2 3
	same "three looks" <(samples "$T/one") <(samples "$T/looks")
	gcore -o "$T/core" "$PID" >/dev/null 2>&1 || fail "gcore: no core file"
	tool goheap --core "$T/core.$PID" -o "pprof:$T/cored"
	check "core: status" $STATUS -eq 0
	same "core" <(samples "$T/one") <(samples "$T/cored")
	start "${RELEASES%% *}" profile
	ask work 7
	ask gc 3
	heap "$T/two"
	tool goheap -p "$first,$PID" -o "pprof:$T/both"
	both=$(samples "$T/both")
	check "samples of the one" "$(grep -c "pid:\[$first\]" <<<"$both")" = \
		"$(samples "$T/one" | grep -c bytes:)"
	check "samples of the other" "$(grep -c "pid:\[$PID\]" <<<"$both")" = \
		"$(samples "$T/two" | grep -c bytes:)"
	done_checking
}

# Files of the tools that show events, with a sum that is also in their JSON.
@test "pprof opens the files of the tools that show events" {
	local tool key args
	start "${RELEASES##* }" churn -goroutines 4 3>&-
	for tool in gostw:pause_ns gommap:outstanding_bytes gofault:bytes gokmem:allocated_bytes goscav:bytes \
		"goalloc --by stack:bytes"; do
		key=${tool#*:} tool=${tool%:*} args=
		[[ $tool != *" "* ]] || args=${tool#* } tool=${tool%% *}
		# shellcheck disable=SC2086
		tool "$tool" $args -p "$PID" -d 1 -o "pprof:$T/$tool" -j
		check "$tool: status" $STATUS -eq 0
		pprof -top "$T/$tool" >"$T/top"
		check "$tool: opened" "$(grep -c "^Type: $key" "$T/top")" -eq 1
		check "$tool: the program's code" "$(mapping "$T/$tool" | grep -c /churn)" -eq 1
		# the line of the types comes last
		check "$tool: sum" "$(samples "$T/$tool" | tac | awk -v key="$key" '
			/^types/ { for (i = 2; i <= NF; i++) if (index($i, key "/") == 1) c = i - 1; next }
			c { s += $c } END { printf "%.0f", s }')" = \
			"$(jq -s --arg key "$key" '[.[] | select(has("summary") | not) | select(has("stack")) | .[$key] // 0] | add // 0' "$T/out")"
	done
	done_checking
}

# ---- other programs ----

# The one of the FlameGraph tools that Debian has.
flamegraph() {
	: "${FLAMEGRAPH:=$("$ROOT/tests/debs.sh" pkg bookworm libdevel-nytprof-perl)/usr/share/perl5/Devel/NYTProf/flamegraph.pl}"
	# it draws what is narrower than a pixel, too
	perl "$FLAMEGRAPH" --minwidth 0 --countname bytes "$1" >"$T/svg" 2>"$T/flame.err" ||
		fail "flamegraph.pl: $(head -n 3 "$T/flame.err")"
	[ ! -s "$T/flame.err" ] || fail "flamegraph.pl says: $(head -n 3 "$T/flame.err")"
	sed -nE 's|.*<title>(.*)</title>.*|\1|p' "$T/svg" | sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' >"$T/drawn"
}

# boxes FILE COLUMN: the boxes of a graph of the stacks, each its function and sum, added up here:
# a box for each path from the outermost function.
boxes() {
	awk -v c="$2" '
		{
			line = $0
			sub(/( [0-9]+)+$/, "", line)
			v = $(NF + 1 - c)
			all += v
			n = split(line, f, ";")
			path = ""
			for (i = 1; i <= n; i++) {
				path = path ";" f[i]
				sum[path] += v
				name[path] = f[i]
			}
		}
		END {
			printf "all %.0f\n", all
			for (path in sum)
				if (sum[path])
					printf "%s %.0f\n", name[path], sum[path]
		}' "$1" | tr '<>' '()' | LC_ALL=C sort
}

# what was drawn, in the same words
drawn() {
	sed -E 's/ \(([0-9,]+) bytes, [0-9.]+%(; [-+0-9.]+%)?\)$/ \1/; s/^all \(([0-9,]+) bytes, 100%\)$/all \1/' "$T/drawn" |
		sed -E ':a; s/ ([0-9]+),([0-9,]+)$/ \1\2/; ta' | grep -v ' 0$' | LC_ALL=C sort
}

@test "flamegraph.pl draws folded stacks, and what has changed" {
	start "${RELEASES##* }" profile 1
	ask work 5
	ask gc 3
	tool goheap -p "$PID" -o "folded:$T/old"
	ask work 3
	ask drop
	ask gc 3
	tool goheap -p "$PID" -o "folded:$T/new"
	tool goheap -p "$PID" -o "folded:$T/diff" --base "$T/old"
	flamegraph "$T/new"
	boxes "$T/new" 1 >"$T/boxes"
	same "boxes" "$T/boxes" <(drawn)
	check "there are some" "$(wc -l <"$T/boxes")" -gt 20

	flamegraph "$T/diff"
	boxes "$T/diff" 1 >"$T/boxes.diff"
	same "the same now, of the difference" "$T/boxes" "$T/boxes.diff"
	same "boxes of the difference" "$T/boxes.diff" <(drawn)
	same "before" <(boxes "$T/old" 1) <(boxes "$T/diff" 2)
	check "more" "$(awk '$NF > $(NF - 1)' "$T/diff" | wc -l)" -gt 0
	check "less" "$(awk '$NF < $(NF - 1)' "$T/diff" | wc -l)" -gt 0
	check "drawn as more" "$(grep -c '; +' "$T/drawn")" -gt 0
	check "drawn as less" "$(grep -c '; -' "$T/drawn")" -gt 0

	start "${RELEASES##* }" churn -goroutines 4 3>&-
	tool goalloc --by stack -p "$PID" -d 1 -o "folded:$T/alloc"
	flamegraph "$T/alloc"
	same "goalloc" <(boxes "$T/alloc" 1) <(drawn)
	check "goalloc: some" "$(wc -l <"$T/alloc")" -gt 2
	# all of these have gone from a graph of nothing
	tool goalloc --by stack -p "$PID" -d 1 -o "folded:$T/alloc.diff" --base "$T/alloc"
	flamegraph "$T/alloc.diff"
	same "goalloc: of the difference" <(boxes "$T/alloc.diff" 1) <(drawn)
	same "goalloc: before" <(boxes "$T/alloc" 1) <(boxes "$T/alloc.diff" 2)
	done_checking
}

# decode FILE: in words, by the definition of the format that pprof's own authors publish
decode() {
	: "${PROTO:=$("$ROOT/tests/debs.sh" pkg bookworm golang-github-google-pprof-dev)/usr/share/gocode/src/github.com/google/pprof/proto}"
	gzip -dc "$1" | protoc --decode=perftools.profiles.Profile -I "$PROTO" "$PROTO/profile.proto" 2>"$T/protoc.err" ||
		fail "protoc: $(head -n 3 "$T/protoc.err")"
}

@test "a profile has what its definition says, and nothing else" {
	local f id
	start "${RELEASES##* }" profile 1
	ask work 5
	ask gc 3
	heap "$T/ours"
	ask write "$T/own"
	start "${RELEASES##* }" churn -goroutines 4 3>&-
	tool goalloc --by stack -p "$PID" -d 1 -o "pprof:$T/alloc"
	for f in ours alloc; do
		decode "$T/$f" >"$T/text"
		check "$f: samples" "$(grep -c '^sample {' "$T/text")" -gt 5
		# a field that it does not know is a number
		check "$f: unknown fields" "$(grep -cE '^ *[0-9]+[:{ ]' "$T/text")" -eq 0
		check "$f: the first text is empty" "$(grep -m 1 '^string_table' "$T/text")" = 'string_table: ""'
		# ids are those that are used: of functions, locations and mappings
		for id in function location mapping; do
			awk -v id="$id" '
				$2 == "{" { in_it = $1 }
				in_it == id && $1 == "id:" { print $2 }' "$T/text" | sort -n >"$T/ids"
			check "$f: ids of $id" "$(sort -nu "$T/ids" | wc -l)" -eq "$(wc -l <"$T/ids")"
			awk -v id="${id}_id:" '$1 == id { print $2 }' "$T/text" | sort -nu >"$T/used"
			# a mapping may have no code that was met
			[ $id != mapping ] || sort -nu "$T/used" "$T/ids" | cmp -s - "$T/ids" || fail "$f: unknown mapping"
			[ $id = mapping ] || same "$f: $id" "$T/ids" "$T/used"
		done
	done
	# ours has the same fields as the program's own, and says which of its values to show first
	fields() { decode "$1" | awk '$2 == "{" { m = $1 "." } /^}/ { m = "" } $2 != "{" && !/}/ { print m $1 }' | sort -u; }
	same "fields" <(fields "$T/own") <(fields "$T/ours" | grep -vx default_sample_type:)
	done_checking
}
