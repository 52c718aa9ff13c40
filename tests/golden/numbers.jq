# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What must hold of any ledger and any events, whoever printed them; a line for each that
# does not. The input is all documents of a file, as an array.

def want($what; $a; $b): select($a != $b) | "\($what): \($a) is not \($b)";
def near($what; $a; $b; $slack):
	select(($a - $b | if . < 0 then -. else . end) > $slack) |
	"\($what): \($a) is more than \($slack) from \($b)";
def row($id): first(.rows[] | select(.id == $id)).resident;
def cell($state): first(.matrix[] | select(.state == $state));
def held: .resident + .huge;

(.[] | select(.tool == "ledger") |
(
	want("sum of the rows and the residual"; ([.rows[].resident // 0] | add) + .residual; .rss),
	want("residual within its bound"; (.residual | if . < 0 then -. else . end) <= .residual_bound;
		true),
	(.rows[] | select(.resident != null and ([.detail[].resident] | add // 0) > .resident) |
		"detail of \(.id) is more than the row")
),
(
	select(.facts.proven and .consistency.consistent and .still) |
	want("gap"; .rss - .memstats.HeapAlloc; .gap),
	want("heap and matrix"; [row("go.heap.live", "go.heap.new", "go.heap.free_slots",
		"go.heap.tail")] | add; cell("in_use") | held),
	want("idle"; row("go.heap.idle"); cell("free") | held),
	want("returned"; row("go.heap.returned"); cell("scavenged") | held),
	want("stacks"; row("go.stacks.inuse") + row("go.stacks.free"); cell("stack") | held),
	want("untouched heap"; first(.not_in_rss[] | select(.id == "heap.untouched")).bytes;
		cell("in_use").absent),
	near("HeapInuse"; cell("in_use") | held + .swapped + .absent; .memstats.HeapInuse; 65536),
	near("HeapReleased"; cell("scavenged") | held + .swapped + .absent; .memstats.HeapReleased;
		65536),
	want("HeapIdle"; .memstats.HeapSys - .memstats.HeapInuse; .memstats.HeapIdle),
	want("HeapObjects"; .memstats.Mallocs - .memstats.Frees; .memstats.HeapObjects),
	want("Sys"; .memstats | .HeapSys + .StackSys + .MSpanSys + .MCacheSys + .BuckHashSys + .GCSys +
		.OtherSys; .memstats.Sys)
),
(
	select(.facts.proven == false) |
	want("rows that are missing"; [.rows[] | select(.resident == null).id] | sort;
		[.facts.missing[].id] | sort)
)),
(
	(.[] | select(.hist) | want("\(.hist): count of the buckets"; [.buckets[].count] | add; .count)),
	(.[] | select(.summary) | .summary | want("books"; .delivered + .lost; .produced))
),
(
	map(select(.tool == "gogc")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.cycle)) |
	want("cycles"; length; $s.cycles),
	want("pauses"; map(.pause_ns) | add; $s.pause_ns),
	# the world stops and starts a little outside of the phases
	(.[] | near("pause of cycle \(.cycle)"; .sweep_term_ns + .mark_term_ns; .pause_ns; 50000)),
	want("number of cycles"; .[-1].cycle - .[0].cycle + 1; length)
),
(
	map(select(.tool == "gostw")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.stops)) as $reasons |
	map(select(.stack)) |
	want("stops"; length; $s.stops),
	want("stops by reason"; $reasons | map(.stops) | add; length),
	want("pauses"; map(.pause_ns) | add; $s.pause_ns),
	want("pauses by reason"; $reasons | map(.pause_ns) | add; $s.pause_ns),
	(.[] | want("a stop of \(.reason)"; .stopping_ns + .stopped_ns; .pause_ns)),
	want("the runtime's own count"; $s.pause_seen_ns; $s.pause_total_ns)
),
(
	map(select(.tool == "gommap")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.owner and .mapped_bytes != null)) as $owners |
	map(select(.call)) |
	want("calls"; length; $s.calls),
	want("change"; map(.change) | add; $s.change),
	want("calls by owner"; $owners | map(.calls) | add; $s.calls),
	want("mapped by owner"; $owners | map(.mapped_bytes) | add; $s.mapped_bytes),
	want("gone by owner"; $owners | map(.unmapped_bytes) | add; $s.unmapped_bytes),
	want("left by owner"; $owners | map(.outstanding_bytes) | add; $s.outstanding_bytes),
	want("maps"; $s.maps_change; $s.change + $s.unexplained_bytes)
),
(
	map(select(.tool == "goscav")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.source and .returned_bytes)) as $sources |
	map(select(.advice and .advised_bytes)) as $advices |
	map(select(.addr)) |
	want("bytes"; map(select(.source).bytes) | add; $s.returned_bytes),
	want("bytes by source"; $sources | map(.returned_bytes) | add; $s.returned_bytes),
	want("calls by advice"; $advices | map(.calls) | add; length),
	want("RSS"; map(.rss_change) | add; $s.rss_change)
),
(
	map(select(.tool == "goheap")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.state == "in_use")) as $used |
	map(select(.type)) as $types |
	want("pages in use"; $used | map(.mapped) | add; $s.inuse_bytes),
	want("as the runtime counts them"; $s.heap_inuse; $s.inuse_bytes),
	want("bytes"; $used | map(.bytes) | add; $s.occupied_bytes),
	want("objects"; $used | map(.objects) | add; $s.objects),
	want("parts"; $s.occupied_bytes + $s.free_slots_bytes + $s.tail_bytes; $s.inuse_bytes),
	want("live"; $used | map(.live_bytes) | add; $s.live_bytes),
	want("resident"; $used | map(.resident) | add; $s.resident),
	want("types"; $types | map(.objects) | add; $s.typed_objects + $s.untyped_objects),
	want("bytes of types"; $types | map(.bytes) | add; $s.typed_bytes),
	($used[] | want("slots of \(.size_class)"; if .size_class > 0 then .objects * .size_class else .bytes end;
		.bytes)),
	# what the program was told to hold, half of it dropped, and three more since
	want("504 of 1,009 objects live, each in a slot of 704 bytes";
		$used[] | select(.size_class == 704 and (.noscan | not)).live_bytes; 504 * 704)
),
(
	map(select(.tool == "goalloc")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.by == "class")) as $classes |
	map(select(.by == "stack")) as $stacks |
	first(.[] | select(.hist)) as $hist |
	($classes, $stacks | want("objects"; map(.objects) | add; $s.objects),
		want("bytes"; map(.bytes) | add; $s.bytes),
		want("samples"; map(.samples) | add; $s.delivered),
		want("requested"; map(.requested_bytes) | add; $hist.sum)),
	want("objects of the histogram"; $hist.count; $s.objects),
	(.[] | select(.by) | want("exact"; [.low, .high, .samples]; [.bytes, .bytes, .objects])),
	($classes[] | want("slots of \(.size_class)"; .objects * .size_class; .bytes)),
	# what the program was told to hold, from that function
	([[1009, 704, 640], [503, 1024, 1000]][] | . as [$n, $slot, $size] | [$stacks[] |
		select(.function == "main.hold" and any(.stack[]; .func == "main.hold"))] |
		want("\($n) objects of \($size) bytes in slots of \($slot)";
			map(select([.objects, .bytes, .requested_bytes] == [$n, $n * $slot, $n * $size])) | length; 1))
),
(
	map(select(.tool == "gofault")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.hist)) as $hists |
	map(select(.by)) |
	(("row", "who", "stack") as $by | map(select(.by == $by)) |
		want("faults by \($by)"; map(.faults) | add; $s.faults),
		(("first", "refault") as $kind | map(select(.kind == $kind)) |
			want("\($kind) by \($by)"; map(.faults) | add; {first: $s.first, refault: $s.refaults}[$kind]),
			want("\($kind) bytes by \($by)"; map(.bytes) | add; $s[$kind + "_bytes"]),
			want("\($kind) of the histogram"; map(.faults) | add;
				first($hists[] | select(.kind == $kind)).count))),
	(.[] | want("bytes of a page"; .bytes; .faults * 4096)),
	# the pages that the program touched, gave back and touched again
	(("first", "refault") as $kind | [.[] | select(.by == "stack" and .kind == $kind and
		.row == "anon.other" and .stack[0].func == "main.touch")] |
		want("\($kind) of 503 pages"; map(.faults) | add; 503))
),
(
	map(select(.tool == "gokmem")) | select(length > 0) |
	first(.[] | select(.summary).summary) as $s |
	map(select(.hist)) as $hists |
	map(select(.by)) |
	map(select(.by == "kind")) as $kinds |
	# pages become slabs, whose objects are counted themselves
	(("objects", "requested_bytes", "allocated_bytes", "outstanding", "outstanding_bytes") as $sum |
		want($sum; $kinds | map(select(.kind != "pages")[$sum]) | add; $s[$sum])),
	want("pages"; $kinds | map(select(.kind == "pages").allocated_bytes) | add; $s.pages_bytes),
	(("site", "call", "gfp", "stack") as $by | $kinds[] as $kind |
		("objects", "requested_bytes", "allocated_bytes", "outstanding", "outstanding_bytes") as $sum |
		want("\($sum) of \($kind.kind) by \($by)";
			map(select(.by == $by and .kind == $kind.kind)[$sum]) | add; $kind[$sum])),
	($kinds[] as $kind | want("\($kind.kind) of the histogram"; $kind.objects;
		first($hists[] | select(.kind == $kind.kind)).count)),
	# 1,009 calls of eventfd, each closed again: one object and a file each; 503 pipes that
	# stay open: two objects and two files each
	([["do_eventfd", 1009, 0], ["alloc_pipe_info", 2 * 503, 2 * 503],
		["alloc_empty_file", 1009 + 2 * 503, 2 * 503]][] as [$site, $n, $left] |
		map(select(.by == "site" and .site == $site)) |
		want("objects of \($site)"; map(.objects) | add; $n),
		want("left of \($site)"; map(.outstanding) | add; $left))
)
