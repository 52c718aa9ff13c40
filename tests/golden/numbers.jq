# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What must hold of any ledger, whoever printed it; a line for each that does not.

def want($what; $a; $b): select($a != $b) | "\($what): \($a) is not \($b)";
def near($what; $a; $b; $slack):
	select(($a - $b | if . < 0 then -. else . end) > $slack) |
	"\($what): \($a) is more than \($slack) from \($b)";
def row($id): first(.rows[] | select(.id == $id)).resident;
def cell($state): first(.matrix[] | select(.state == $state));
def held: .resident + .huge;

select(.tool == "ledger") |
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
)
