"use strict";

const found = JSON.parse(document.getElementById("history-data").textContent);
const body = document.querySelector(".grid tbody");
const head = document.querySelector(".grid thead");
const LIMIT = 300;

function element(name, attributes = {}, ...content) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

function cell(word, title, run, test) {
	const letter = found.letters[word] || "";
	const place = test ? `#${encodeURIComponent(`${test.board}/${test.id}`)}` : "";
	const inside = found.runs_at && word ? element("a", { href: `${found.runs_at}${encodeURIComponent(run.id)}/report.html${place}` }, letter) : letter;
	return element("td", { class: `cell ${word}`, title }, inside);
}

function nameCell(text, full = text) {
	return element("td", { class: "name", title: full }, element("bdi", {}, text));
}

const when = (run) => run.started.slice(0, 16).replace("T", " ");

head.append(element("tr", { class: "board" }, nameCell("verdict of the run"),
	...found.runs.map((run) => cell(run.verdict, `${run.id}: ${run.verdict}`, run)),
	element("th", {}, "flaky"), element("th", {}, "median"), element("th", {}, "fails since")));

function row(test) {
	const cells = found.runs.map((run, column) => {
		const moment = test.moments[column];
		return moment ? cell(moment[0], `${when(run)}: ${moment[0]}, ${moment[1]} s`, run, test) : element("td", { class: "cell" });
	});
	return element("tr", {}, nameCell(test.id), ...cells,
		element("td", { class: "number" }, test.flips ? `${(100 * test.flips / test.attempts).toFixed(0)} %` : ""),
		element("td", { class: "number" }, test.median ? `${test.median.toFixed(2)} s` : ""),
		element("td", { title: test.since[1] }, test.since[0]));
}

function show(limit = LIMIT) {
	const text = document.querySelector(".options input[type=search]").value.toLowerCase();
	const steady = document.getElementById("steady").checked || text;
	const fits = found.tests.filter((test) => (steady || !test.steady) && (!text || `${test.id} ${test.board}`.toLowerCase().includes(text)));
	const rows = [];
	let board;
	for (const test of fits.slice(0, limit)) {
		if (test.board !== board) {
			board = test.board;
			rows.push(element("tr", { class: "board" }, nameCell(board), ...found.firmwares[board].map((mark) => element("td", { class: "cell" }, mark))));
		}
		rows.push(row(test));
	}
	body.replaceChildren(...rows);
	const hidden = found.tests.length - fits.length;
	const cut = fits.length > limit ? `; ${fits.length - limit} more fit, filter to see them` : "";
	document.getElementById("legend").textContent = `${Object.entries(found.letters).map(([word, letter]) => `${letter} ${word}`).join("   ")}${hidden ? `; ${hidden} tests are hidden` : ""}${cut}`;
}

for (const input of document.querySelectorAll(".options input")) input.addEventListener("input", () => show());
show();
document.querySelector(".grid").scrollLeft = 1e6;
