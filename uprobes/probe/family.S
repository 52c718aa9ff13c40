/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * A family of kernel programs as two objects inside ours, and its entry in the list of
 * families (struct family, probe.c). Assembled once for each bpf/NAME.bpf.c: FAMILY is its
 * name, OBJECT the file, OBJECT_OLD the one for kernels before 5.12.
 */
	.section .rodata.bpf, "a"
	.balign 8
.Lobject:
	.incbin OBJECT
.Lend:
	.balign 8
.Lold:
	.incbin OBJECT_OLD
.Lold_end:
.Lname:
	.asciz FAMILY
	.section gomt_bpf, "aw"
	.balign 8
	.quad .Lname, .Lobject, .Lend - .Lobject, .Lold, .Lold_end - .Lold
	.section .note.GNU-stack, "", %progbits
