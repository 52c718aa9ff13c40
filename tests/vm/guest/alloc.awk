# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What is wrong with the rows of goalloc, a line each: mode is its mode, t0 to t3 are the answers
# of the target (tests/targets/allocs), before and after goalloc looked (t0, t3) and while it
# did (t1, t2); whole is 1 if stacks are to be there down to where the goroutine begins.

function of(s, key,    at) {
	key = "\"" key "\":"
	at = index(s, key)
	return at ? substr(s, at + length(key)) + 0 : 0
}

function word(key,    s) {
	if (!match($0, "\"" key "\":\"[^\"]*\""))
		return ""
	s = substr($0, RSTART, RLENGTH)
	return substr(s, length(key) + 5, length(s) - length(key) - 5)
}

function is(what, a, b) { if (a != b) print what ": " a ", not " b }

function inner(key) { return of(t2, key) - of(t1, key) }

function between(what, a, key,    low, high) {
	low = inner(key)
	high = of(t3, key) - of(t0, key)
	if (a < low || a > high)
		print what ": " a ", not " low " to " high
}

# Off by three times its bounds at most, which are 1.96 standard errors; of what is rare there may
# be no sample.
function known(kind, true,    f, have, up, down) {
	f = "main.alloc" kind
	have = bytes[f]
	up = (highs[f] - have) * 3 + 1
	down = (have - lows[f]) * 3 + 1
	if ((true > have + up || true < have - down) && (have || true > rare))
		print f ": " have " bytes, between " have - down " and " have + up ", not " true
}

/"by":"class"/ {
	size = of($0, "size_class")
	n = of($0, "objects")
	all += n
	all_bytes += of($0, "bytes")
	seen += of($0, "samples")
	if (size && size <= 18432)
		between("class " size, n, size)
}

/"by":"stack"/ {
	f = word("function")
	objects[f] += of($0, "objects")
	bytes[f] += of($0, "bytes")
	lows[f] += of($0, "low")
	highs[f] += of($0, "high")
	stacks++
	by_stack += of($0, "objects")
	by_stack_bytes += of($0, "bytes")
	if (whole && f ~ /^main\.alloc/ && !(/"func":"main\.\(\*worker\)\.mix"/ && /"func":"main\.\(\*worker\)\.run"/ &&
	    /"func":"runtime\.goexit"/))
		print "not the whole stack: " $0
}

/"by":"type"/ {
	type = word("type")
	by_type[type] += of($0, "objects")
	types[type] = 1
}

/"by":"creator"/ {
	by_creator += of($0, "objects")
	created[word("creator")] += of($0, "objects")
}

/"summary":/ {
	summary = 1
	own = /the runtime's own samples/
	s = $0
	sub(/.*\],"objects"/, "\"objects\"", s)
	is("sum of the classes", all, of(s, "objects"))
	is("bytes of the classes", all_bytes, of(s, "bytes"))
	between("mallocs", all, "mallocs")
	between("total_alloc", all_bytes, "total_alloc")
}

END {
	if (!summary)
		print "no summary"
	n = split("Tiny Pair Node Buffer Record Table Blob Big", kind)
	if (mode == "totals")
		exit
	if (mode == "exact") {
		for (i = 1; i <= n; i++)
			is(kind[i], objects["main.alloc" kind[i]] + 0, inner(tolower(kind[i])))
		is("by stack", by_stack, all)
		is("by creator", by_creator, all)
		is("seen", seen, all)
		is("main.record", by_type["main.record"], inner("record"))
		is("main.pair", by_type["main.pair"], inner("pair"))
		is("main.node", by_type["main.node"], inner("node"))
		is("main.startWorkers", created["main.startWorkers"] >= inner("record"), 1)
		exit
	}
	rare = own ? 12 * 524288 : 0
	known("Pair", 16 * inner("pair"))
	known("Node", 48 * inner("node"))
	known("Record", 1024 * inner("record"))
	if (mode == "sampled")
		known("Big", 1048576 * inner("big"))
	# of the runtime's own samples there are too few for both
	off = by_stack_bytes - all_bytes
	if (!own)
		is("all of it is told by stack", off <= stacks && -off <= stacks, 1)
	want = "*main.node main.node main.pair main.record uint32 uint8"
	for (i = split(want, name, " "); i && !own; i--)
		if (!(name[i] in types))
			print "no type " name[i]
	for (t in types)
		if (t ~ /main\./ && index(" " want " ", " " t " ") == 0)
			print "another type: " t
}
