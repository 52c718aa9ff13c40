// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Draws the maps of a page and checks that they add up; see sink_html.c. What it computes
 * beside places and colours are those sums, and what it finds is on the page.
 */
"use strict";

const BLOCKS = 24576; // at most, about
const WIDTH = 1024; // of the picture, in its own pixels

const bytes = (n) => {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let u = 0;
	while (n >= 1024 && u < units.length - 1) {
		n /= 1024;
		u++;
	}
	return n.toFixed(u ? 1 : 0) + " " + units[u];
};

const show = (value, unit) => {
	if (value === null) return "-";
	if (unit === "bytes") return bytes(value);
	if (unit === "address") return "0x" + BigInt(value).toString(16);
	return typeof value === "number" ? value.toLocaleString("en") : value;
};

// Kind by kind and column by column: [kind, column, sum of the cells, sum of the table].
function sums(map) {
	const column = (of, key) => of.cols.findIndex((c) => c.key === key);
	const numbers = map.cells.cols.filter((c) => c.unit !== "address" && c.number);
	const shared = numbers.filter((c) => column(map.table, c.key) >= 0);
	const found = [];
	const add = (of, kind, key) => {
		const k = column(of, map.kind), v = column(of, key);
		return of.rows.reduce((n, row) => row[k] === kind ? n + row[v] : n, 0);
	};
	const known = map.kinds.map((k) => k.name);
	for (const of of [map.cells, map.table])
		for (const row of of.rows)
			if (!known.includes(row[column(of, map.kind)]))
				throw new Error("unknown kind " + row[column(of, map.kind)]);
	for (const kind of known)
		for (const c of shared)
			found.push([kind, c.key, add(map.cells, kind, c.key), add(map.table, kind, c.key)]);
	return found;
}

function check(figure, map) {
	const out = figure.querySelector(".sums");
	const all = sums(map), wrong = all.filter(([, , a, b]) => a !== b);
	out.textContent = wrong.length ?
		wrong.map(([kind, key, a, b]) => `${kind}, ${key}: ${a} in cells, ${b} in the table`).join("; ") :
		`${map.cells.rows.length} cells add up to the table, in ${all.length} sums`;
	out.classList.toggle("wrong", wrong.length > 0);
	for (const [kind, key, a, b] of wrong)
		console.error(`${kind}, ${key}: ${a} in cells, ${b} in the table`);
}

// Where the cells are: the size of a block, and of which cell each is.
function place(sizes) {
	const least = sizes.reduce((a, b) => Math.min(a, b), Infinity);
	let block = 2 ** Math.floor(Math.log2(least)), n;
	const count = () => sizes.reduce((sum, s) => sum + Math.ceil(s / block), 0);
	while ((n = count()) > BLOCKS && n > sizes.length) block *= 2;
	const cell = new Uint32Array(n);
	let at = 0;
	sizes.forEach((s, i) => {
		const end = at + Math.ceil(s / block);
		cell.fill(i, at, end);
		at = end;
	});
	const across = Math.min(Math.max(Math.ceil(Math.sqrt(3 * n)), 32), 192); // blocks in a line
	return { block, cell, across, side: Math.floor(WIDTH / across) };
}

class Picture {
	constructor(figure, map) {
		const column = (key) => map.cells.cols.findIndex((c) => c.key === key);
		this.map = map;
		this.canvas = figure.querySelector("canvas");
		this.text = figure.querySelector(".hover");
		this.at = { addr: column(map.addr), size: column(map.size), part: column(map.part),
			kind: column(map.kind) };
		this.rows = map.cells.rows;
		this.placed = place(this.rows.map((r) => r[this.at.size]));
		this.selected = -1;
		figure.querySelector(".block").textContent = bytes(this.placed.block);
		this.canvas.addEventListener("mousemove", (e) => this.select(this.cellAt(e)));
		this.canvas.addEventListener("keydown", (e) => this.key(e));
		this.draw();
	}

	cellAt(e) {
		const { across } = this.placed;
		const box = this.canvas.getBoundingClientRect(), side = box.width / across;
		const x = Math.floor((e.clientX - box.left) / side);
		const y = Math.floor((e.clientY - box.top) / side);
		const block = y * across + Math.min(Math.max(x, 0), across - 1);
		return block < this.placed.cell.length ? this.placed.cell[block] : -1;
	}

	key(e) {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		if (!step) return;
		e.preventDefault();
		this.select(Math.min(Math.max(this.selected + step, 0), this.rows.length - 1));
	}

	// The cell that has the address; -1: none.
	find(addr) {
		return this.rows.findIndex((r) => {
			const start = BigInt(r[this.at.addr]);
			return addr >= start && addr < start + BigInt(r[this.at.size]);
		});
	}

	select(cell) {
		if (cell === this.selected || cell < 0) return;
		this.selected = cell;
		this.text.textContent = this.map.cells.cols
			.map((c, i) => c.head.toLowerCase() + " " + show(this.rows[cell][i], c.unit))
			.join(" · ");
		this.draw();
	}

	draw() {
		const { cell, across, side } = this.placed, g = this.canvas.getContext("2d");
		const style = getComputedStyle(document.documentElement);
		const colour = this.map.kinds.map((k, i) => style.getPropertyValue("--k" + i % 8).trim());
		const index = new Map(this.map.kinds.map((k, i) => [k.name, i]));
		this.canvas.width = across * side;
		this.canvas.height = Math.ceil(cell.length / across) * side;
		cell.forEach((c, i) => {
			const row = this.rows[c], part = row[this.at.part];
			const x = i % across * side, y = Math.floor(i / across) * side;
			const kind = index.get(row[this.at.kind]);
			const full = kind ? 1 : 0.15 + 0.85 * Math.min(1, part / row[this.at.size]);
			g.globalAlpha = full;
			g.fillStyle = colour[kind];
			g.fillRect(x, y, cell[i + 1] === c ? side : side - 1, side - 1);
			if (c !== this.selected) return;
			g.globalAlpha = 1;
			g.fillStyle = style.getPropertyValue("--fg").trim();
			g.fillRect(x, y + side - 3, cell[i + 1] === c ? side : side - 1, 2);
		});
	}
}

for (const figure of document.querySelectorAll("figure")) {
	const map = JSON.parse(figure.querySelector("script").textContent);
	check(figure, map);
	if (!map.cells.rows.length) continue;
	const picture = new Picture(figure, map);
	// page.html#0xc000012000 shows what is there
	const follow = () => {
		const m = /^#(0x[0-9a-f]{1,16})$/i.exec(location.hash);
		if (m) picture.select(picture.find(BigInt(m[1])));
	};
	follow();
	addEventListener("hashchange", follow);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => picture.draw());
}
