"use strict";

const data = JSON.parse(document.getElementById("console-data").textContent);
const choice = document.querySelector("select");
const search = document.querySelector("input");
const found = document.querySelector("output");
const list = document.getElementById("lines");
const SHOWN = 400;
const BEFORE = 20;
const LINE = /^\[ *([\d.]+)(?: ([^\]]*))?\] ([<>#]) ?(.*)$/s;
const SAID_BY = { "<": "board", ">": "host", "#": "remark" };
let name;
let lines = [];
let tests = {};
let from = 0;
let wanted = [0, 0];
let hit = -1;

function element(kind, attributes = {}, ...content) {
	const made = document.createElement(kind);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

async function unpacked(base64) {
	const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function marked(text) {
	const word = search.value.toLowerCase();
	const at = word ? text.toLowerCase().indexOf(word) : -1;
	return at < 0 ? [text] : [text.slice(0, at), element("mark", {}, text.slice(at, at + word.length)), ...marked(text.slice(at + word.length))];
}

const address = (number) => `#${name.split("/").map(encodeURIComponent).join("/")}:${number}-${number}`;

function row(number) {
	const text = lines[number - 1];
	const parts = LINE.exec(text);
	const said = parts ? [element("span", { class: "stamp", title: parts[2] ?? "" }, `${parts[1]} ${parts[3]} `), element("span", { class: SAID_BY[parts[3]] }, ...marked(parts[4]))] : marked(text);
	const inside = wanted[0] <= number && number <= wanted[1];
	return element("div", { class: `line${inside ? " wanted" : ""}`, "data-line": number }, element("a", { href: address(number) }, String(number)), element("span", {}, ...said));
}

function show(first) {
	from = Math.max(1, Math.min(first, lines.length - SHOWN + 1));
	const to = Math.min(lines.length, from + SHOWN - 1);
	const begin = new Map((tests[name] ?? []).map((test) => [test[0], test]));
	const rows = [];
	for (let number = from; number <= to; number++) {
		const test = begin.get(number);
		if (test) rows.push(element("p", { class: "test" }, element("a", { href: `report.html#${test[3]}` }, test[2])));
		rows.push(row(number));
	}
	list.replaceChildren(...rows);
	document.getElementById("where").textContent = lines.length ? `${name}: lines ${from} to ${to} of ${lines.length}` : `${name}: no lines`;
	document.querySelector('[data-go="earlier"]').disabled = document.querySelector('[data-go="first"]').disabled = from === 1;
	document.querySelector('[data-go="later"]').disabled = document.querySelector('[data-go="last"]').disabled = to === lines.length;
}

async function open(wish) {
	const packed = data.consoles.find(([known]) => known === wish) ?? data.consoles[0];
	if (!packed || packed[0] === name) return;
	lines = (await unpacked(packed[1])).split("\n");
	if (lines.at(-1) === "") lines.pop();
	name = choice.value = packed[0];
	hit = -1;
}

/* The console and the lines that the address names, such as #qemu-virt/monitor:120-140. */
async function jump() {
	const [, wish, first, last] = /^#(.*?)(?::(\d+)-(\d+))?$/.exec(location.hash) ?? [];
	await open(decodeURIComponent(wish ?? ""));
	wanted = [Number(first ?? 0), Number(last ?? 0)];
	show(wanted[0] ? wanted[0] - BEFORE : 1);
	list.querySelector(`[data-line="${wanted[0]}"]`)?.scrollIntoView();
}

function find(direction) {
	const word = search.value.toLowerCase();
	if (!word) return;
	for (let tried = 0, at = hit < 0 ? from - 1 - (direction > 0 ? 1 : 0) : hit; tried < lines.length; tried++) {
		at = (at + direction + lines.length) % lines.length;
		if (!lines[at].toLowerCase().includes(word)) continue;
		hit = at;
		wanted = [at + 1, at + 1];
		show(at + 1 - BEFORE);
		list.querySelector(`[data-line="${at + 1}"]`).scrollIntoView();
		found.value = `line ${at + 1}`;
		return;
	}
	found.value = "not found";
}

choice.addEventListener("input", () => { location.hash = `#${choice.value}`; });
search.addEventListener("input", () => { hit = -1; found.value = ""; });
search.addEventListener("keydown", (event) => { if (event.key === "Enter") find(event.shiftKey ? -1 : 1); });
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !event.target.closest("input, select")) { event.preventDefault(); search.focus(); }
});
for (const button of document.querySelectorAll("[data-find]")) button.addEventListener("click", () => find(+button.dataset.find));
for (const button of document.querySelectorAll("[data-go]")) {
	button.addEventListener("click", () => show({ first: 1, earlier: from - SHOWN, later: from + SHOWN, last: lines.length }[button.dataset.go]));
}
window.addEventListener("hashchange", jump);
choice.append(...data.consoles.map(([known]) => element("option", {}, known)));
if (data.consoles.length) unpacked(data.tests).then((told) => { tests = JSON.parse(told); }).then(jump);
else list.textContent = "no console said anything";
