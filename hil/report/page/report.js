"use strict";

const cases = JSON.parse(document.getElementById("case-data").textContent);
const timeline = JSON.parse(document.getElementById("timeline-data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const word = (one) => (one.kind === "infrastructure" ? "infrastructure" : one.outcome);

function element(name, attributes = {}, ...content) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

/* The list: a case is filled in when somebody opens it. */
const list = document.getElementById("cases");
const PAGE = 500;

function fill(details, one) {
	const body = element("div");
	for (const fault of one.faults) {
		body.append(element("p", { class: "kind" }, `${fault.kind}, in ${fault.phase}${fault.stage ? `, at stage ${fault.stage}` : ""}`));
		body.append(element("p", {}, `${fault.type}: ${fault.message}`));
		if (fault.hint) body.append(element("p", { class: "try" }, fault.hint));
		if (fault.details) body.append(element("pre", {}, fault.details));
	}
	if (one.reason) body.append(element("p", {}, one.reason));
	if (one.steps.length) {
		const rows = one.steps.map(([at, what, seconds]) => element("tr", {},
			element("td", { class: "number" }, at.toFixed(3)), element("td", {}, what), element("td", { class: "number" }, `${seconds.toFixed(3)} s`)));
		body.append(element("div", { class: "wide" }, element("table", {}, ...rows)));
	}
	for (const [console_, text] of one.console) {
		body.append(element("p", { class: "kind" }, `console ${console_}`), element("pre", {}, text));
	}
	if (!body.childNodes.length) body.append(element("p", {}, "nothing was said"));
	details.append(body);
}

function row(one) {
	const where = `${one.board}  ${one.seconds.toFixed(2)} s`;
	const details = element("details", { id: `case-${one.n}` }, element("summary", {},
		element("span", { class: `${word(one)}-word` }, word(one)), element("span", { class: "id" }, one.id), element("span", { class: "where" }, where)));
	details.addEventListener("toggle", () => { if (details.open && details.childNodes.length === 1) fill(details, one); });
	return details;
}

const ORDER = { error: 0, failed: 0, xfailed: 2, passed: 3, skipped: 4 };
const sorted = [...cases].sort((a, b) => ORDER[a.outcome] - ORDER[b.outcome] || a.n - b.n);

function show(limit = PAGE) {
	const text = document.querySelector("#filter input").value.toLowerCase();
	const outcome = document.querySelector("#filter select").value;
	const fits = sorted.filter((one) => (!outcome || one.outcome === outcome) &&
		(!text || `${one.id} ${one.board} ${one.reason} ${one.faults.map((fault) => fault.message).join(" ")}`.toLowerCase().includes(text)));
	list.replaceChildren(...fits.slice(0, limit).map(row));
	if (fits.length > limit) {
		const more = element("button", {}, `${fits.length - limit} more`);
		more.addEventListener("click", () => show(limit * 10));
		list.append(more);
	}
}

for (const input of document.querySelectorAll("#filter input, #filter select")) input.addEventListener("input", () => show());

function jump() {
	const number = /^#case-(\d+)$/.exec(location.hash);
	if (!number) return;
	if (!document.getElementById(location.hash.slice(1))) show(cases.length);
	const details = document.getElementById(location.hash.slice(1));
	if (details) { details.open = true; details.scrollIntoView(); }
}

/* The timeline: for each board its cases and its states, for each console how busy it was. */
const svg = document.querySelector("#timeline svg");
const hover = document.getElementById("hover");
const LANE = 22;
const LABEL = 150;
let from = 0;
let to = Math.max(timeline.seconds, 0.001);

function lanes() {
	const found = new Map();
	const lane = (name) => found.get(name) || found.set(name, []).get(name);
	for (const one of cases) {
		if (one.span) lane(one.board).push({ from: one.span[0], to: one.span[1], colour: `var(--${COLOURS[word(one)]})`, says: `${one.id} (${word(one)})`, n: one.n });
	}
	for (const [board, begin, end, what, seconds] of timeline.steps) {
		lane(`${board}: states`).push({ from: begin, to: end, colour: "var(--accent)", says: `${what}, ${seconds} s` });
	}
	for (const [board, uart, moments] of timeline.uarts) {
		const most = Math.max(...moments.map(([, lines]) => lines), 1);
		for (const [at, lines] of moments) {
			lane(`${board}: ${uart}`).push({ from: at, to: at + 0.1, colour: "var(--soft)", weight: 0.25 + 0.75 * lines / most, says: `${lines} lines on ${uart}` });
		}
	}
	const board = ([name]) => name.split(": ")[0];
	return new Map([...found].sort((a, b) => board(a).localeCompare(board(b))));
}

const COLOURS = { passed: "passed", failed: "failed", error: "failed", infrastructure: "infrastructure", skipped: "skipped", xfailed: "skipped" };
const allLanes = lanes();

function shape(name, attributes, text) {
	const made = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	if (text !== undefined) made.textContent = text;
	return made;
}

function draw() {
	const width = svg.clientWidth || 800;
	const label = Math.min(LABEL, width / 4);
	const scale = (width - label) / (to - from);
	const height = (allLanes.size + 1) * LANE;
	svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	svg.style.height = `${height}px`;
	const parts = [];
	let y = 0;
	for (const [name, bars] of allLanes) {
		parts.push(shape("text", { x: 0, y: y + 15 }, name));
		for (const bar of bars) {
			if (bar.to < from || bar.from > to) continue;
			const x = label + (Math.max(bar.from, from) - from) * scale;
			const w = Math.max((Math.min(bar.to, to) - Math.max(bar.from, from)) * scale, 1);
			const part = shape("rect", { x, y: y + 4, width: w, height: LANE - 8, rx: 1.5, fill: bar.colour, opacity: bar.weight || 0.9 });
			part.addEventListener("pointerenter", () => { hover.textContent = `${bar.from.toFixed(2)} s: ${bar.says}`; });
			if (bar.n !== undefined) part.addEventListener("click", () => { location.hash = `#case-${bar.n}`; });
			parts.push(part);
		}
		y += LANE;
	}
	const step = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 3600].find((seconds) => seconds * scale > 70) || 7200;
	for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
		const x = label + (at - from) * scale;
		parts.push(shape("line", { x1: x, x2: x, y1: 0, y2: y, stroke: "var(--rule)" }), shape("text", { x: x + 2, y: y + 14 }, `${+at.toFixed(2)} s`));
	}
	svg.replaceChildren(...parts);
}

function zoom(factor, middle = (from + to) / 2) {
	if (factor === 0) { from = 0; to = Math.max(timeline.seconds, 0.001); draw(); return; }
	const span = Math.min(Math.max((to - from) * factor, 0.01), timeline.seconds);
	from = Math.max(0, middle - (middle - from) * span / (to - from));
	to = from + span;
	draw();
}

svg.addEventListener("wheel", (event) => {
	event.preventDefault();
	const box = svg.getBoundingClientRect();
	const label = Math.min(LABEL, box.width / 4);
	zoom(event.deltaY < 0 ? 0.8 : 1.25, from + Math.max(0, event.clientX - box.left - label) / (box.width - label) * (to - from));
}, { passive: false });
let held = null;
svg.addEventListener("pointerdown", (event) => { held = event.clientX; });
window.addEventListener("pointerup", () => { held = null; });
window.addEventListener("pointermove", (event) => {
	if (held === null) return;
	const moved = (held - event.clientX) / (svg.clientWidth - Math.min(LABEL, svg.clientWidth / 4)) * (to - from);
	held = event.clientX;
	const span = to - from;
	from = Math.min(Math.max(0, from + moved), Math.max(0, timeline.seconds - span));
	to = from + span;
	draw();
});
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(+button.dataset.zoom));
window.addEventListener("resize", draw);
window.addEventListener("hashchange", jump);
show();
draw();
jump();
