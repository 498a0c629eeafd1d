"use strict";

const cases = JSON.parse(document.getElementById("case-data").textContent);
const list = document.getElementById("cases");
const search = document.querySelector("#filter input");
const choices = [...document.querySelectorAll("#filter select")];
const order = choices.find((choice) => choice.name === "sort");
const filters = choices.filter((choice) => choice !== order);
const PAGE = 100;
/* What other scripts add to an attempt: functions of the attempt and its test that return elements. */
const PARTS = [];

function element(name, attributes = {}, ...content) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

const paragraph = (text, kind = "") => element("p", kind ? { class: kind } : {}, text);
const duration = (seconds) => (seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`);

/* Lines of a console: time, direction and text each stand out, and stay text. */
const LINE = /^(\[ *[\d.]+\]) ([<>#]) ?(.*)$/;
const SAID_BY = { "<": "board", ">": "host", "#": "remark" };

function consoleText(text) {
	const shown = element("pre", { tabindex: "0" });
	for (const line of text.split("\n")) {
		const found = LINE.exec(line);
		const parts = found ? [element("span", { class: "stamp" }, `${found[1]} ${found[2]} `), element("span", { class: SAID_BY[found[2]] }, found[3])] : [line];
		shown.append(...parts, "\n");
	}
	return shown;
}

/* Leads to the lines in the page of all consoles, as far as they are known: #board/console:first-last. */
function consoleHead(uart, lines) {
	const head = paragraph(`console ${uart}`, "kind");
	const [, first, last] = /:(\d+)-(\d+)$/.exec(lines) ?? [];
	if (first) head.append(", ", element("a", { href: `console.html#${lines}` }, first === last ? `line ${first} of the whole` : `lines ${first} to ${last} of the whole`));
	return head;
}

function crash(report) {
	const shown = element("div", { class: "crash" }, paragraph(report.what, "id"));
	const what = [report.level, report.syndrome].filter(Boolean).join(": ");
	if (what) shown.append(element("p", {}, element("b", {}, what)));
	if (report.cause) shown.append(paragraph(report.cause));
	if (report.places.length) {
		shown.append(element("table", { class: "id" }, ...report.places.map(([register, name, place]) =>
			element("tr", {}, element("th", {}, register), element("td", {}, name), element("td", {}, place)))));
	}
	if (report.registers.length) {
		shown.append(element("details", {}, element("summary", {}, `${report.registers.length} registers`),
			element("div", { class: "registers id" }, ...report.registers.map(([name, value]) => element("span", {}, `${name} ${value}`)))));
	}
	return shown;
}

function fault(found) {
	const where = [found.kind, found.phase && `in ${found.phase}`, found.stage && `at stage ${found.stage}`].filter(Boolean).join(", ");
	const shown = element("div", {}, paragraph(where, "kind"), paragraph(`${found.type}: ${found.message}`));
	if (found.crash) shown.append(crash(found.crash));
	if (found.hint) shown.append(paragraph(found.hint, "try"));
	if (found.details) shown.append(element("pre", { tabindex: "0" }, found.details));
	return shown;
}

function attempt(made, test) {
	const body = element("div", {}, ...made.faults.map(fault));
	if (made.reason) body.append(paragraph(made.reason));
	for (const part of PARTS) body.append(...part(made, test));
	for (const [uart, text, lines] of made.console) body.append(consoleHead(uart, lines), ...(text ? [consoleText(text)] : []));
	if (!body.childNodes.length) body.append(paragraph("nothing was said"));
	return body;
}

/* Several attempts: tabs, as WAI-ARIA's authoring practices have them. The last one decides, so it is shown first. */
function tabs(test) {
	const panel = element("div", { role: "tabpanel", id: `panel-${test.n}` });
	const buttons = test.attempts.map((made, number) =>
		element("button", { type: "button", role: "tab", "aria-controls": panel.id }, `attempt ${number + 1}: `,
			element("span", { class: `${made.word}-word` }, made.word), ` ${made.board}, ${duration(made.seconds)}`));
	const choose = (number, focus) => {
		buttons.forEach((button, other) => {
			button.setAttribute("aria-selected", other === number);
			button.tabIndex = other === number ? 0 : -1;
		});
		panel.replaceChildren(attempt(test.attempts[number], test));
		if (focus) buttons[number].focus();
	};
	buttons.forEach((button, number) => {
		button.addEventListener("click", () => choose(number, true));
		button.addEventListener("keydown", ({ key }) => {
			const step = { ArrowRight: 1, ArrowLeft: buttons.length - 1 }[key];
			if (step) choose((number + step) % buttons.length, true);
		});
	});
	choose(buttons.length - 1, false);
	return [element("div", { role: "tablist" }, ...buttons), panel];
}

/* Since when it fails, with a link to the run of which that is the first. */
function since(test) {
	const [run, started, runs, before] = test.since;
	if (!run) return paragraph(before ? "new failure: it passed the time before" : "it failed the first time that it ran", "since");
	return element("p", { class: "since" }, "fails since ", element("a", { href: `../${encodeURIComponent(run)}/report.html#${test.anchor}` }, `run of ${started} UTC`),
		`, ${runs} runs in a row${before ? "" : ", or longer"}`);
}

/* The command that runs it again; a browser copies only on a page that it trusts, so the text can be selected, too. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

function again(test) {
	const board = decoded(test.anchor).split("/")[0];
	const line = `hil run --board ${quoted(board)} ${quoted(test.id)}`;
	const command = element("code", {}, line);
	const shown = element("p", { class: "again" }, "run this again: ", command);
	if (navigator.clipboard) {
		const button = element("button", { type: "button" }, "copy");
		button.addEventListener("click", () => navigator.clipboard.writeText(line).then(() => { button.textContent = "copied"; }, () => getSelection().selectAllChildren(command)));
		shown.append(" ", button);
	}
	return shown;
}

function fill(details, test) {
	if (details.childNodes.length > 1) return;
	const body = element("div", { class: "body" });
	if (test.since) body.append(since(test));
	if (test.quarantine) body.append(paragraph(`in quarantine: ${test.quarantine}`));
	body.append(...(test.attempts.length > 1 ? tabs(test) : [attempt(test.attempts[0], test)]));
	if (test.markers.length || test.owner) body.append(paragraph([test.owner && `owner ${test.owner}`, ...test.markers].filter(Boolean).join(" · "), "note"));
	body.append(again(test));
	body.append(element("p", { class: "note" }, element("a", { href: `#${test.anchor}` }, "link to this test")));
	details.append(body);
}

function row(test) {
	const tries = test.attempts.length > 1 ? `${test.attempts.length} attempts  ` : "";
	const details = element("details", { "data-case": test.n }, element("summary", {},
		element("span", { class: `word ${test.word}-word` }, test.word), element("span", { class: "id" }, test.id, ...(test.change ? [" ", element("span", { class: "change" }, test.change)] : [])),
		element("span", { class: "where" }, `${tries}${test.board}  ${test.seconds ? duration(test.seconds) : ""}`)));
	details.addEventListener("toggle", () => { if (details.open) fill(details, test); });
	return details;
}

/* The list: the worst first; a case is filled in when somebody opens it. */
const ORDER = ["infrastructure", "usage", "interrupted", "error", "failed", "flaky", "blocked", "not-run", "quarantined", "xfailed", "passed", "skipped", "unfit"];
const rank = (test) => ORDER.indexOf(test.word);
const start = (test) => test.attempts[0].from ?? Infinity;
const ORDERS = {
	"": (a, b) => rank(a) - rank(b) || a.n - b.n,
	slowest: (a, b) => b.seconds - a.seconds || a.n - b.n,
	ran: (a, b) => (start(a) === start(b) ? a.n - b.n : start(a) - start(b)),
	name: (a, b) => a.id.localeCompare(b.id) || a.n - b.n,
};
let sorted = cases.toSorted(ORDERS[""]);
const says = (test) => [test.id, test.board, ...test.attempts.flatMap((made) => [made.reason, ...made.faults.map((seen) => seen.message)])].join(" ").toLowerCase();
const spoken = new Map(sorted.map((test) => [test, says(test)]));

function show(limit = PAGE) {
	const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
	const fits = sorted.filter((test) => filters.every(({ name, value }) => !value || [test[name]].flat().includes(value)) && words.every((word) => spoken.get(test).includes(word)));
	document.querySelector("#filter output").value = fits.length === cases.length ? `${cases.length} tests` : `${fits.length} of ${cases.length} tests`;
	list.replaceChildren(...fits.slice(0, limit).map(row));
	if (fits.length > limit) {
		const more = element("button", { type: "button" }, `${fits.length - limit} more`);
		more.addEventListener("click", () => show(limit * 10));
		list.append(more);
	}
}

/* Programs differ in what they encode of an address. */
function decoded(text) {
	try { return decodeURIComponent(text); } catch { return text; }
}

/* The case that the address names, whatever the filter says. */
function jump() {
	const wanted = decoded(location.hash.slice(1));
	const test = wanted && cases.find((other) => decoded(other.anchor) === wanted);
	if (!test) return;
	const find = () => list.querySelector(`[data-case="${test.n}"]`);
	if (!find()) {
		for (const field of [search, ...filters]) field.value = "";
		show(sorted.indexOf(test) + 1 > PAGE ? sorted.indexOf(test) + 1 : PAGE);
	}
	list.style.minHeight = "100vh";
	const details = find();
	details.open = true;
	fill(details, test);  // now, and not when the event comes: the page must be long enough to show it from its top
	details.scrollIntoView();
	details.firstElementChild.focus({ preventScroll: true });
}

search.addEventListener("input", () => show());
for (const choice of filters) choice.addEventListener("input", () => show());
order.addEventListener("input", () => { sorted = cases.toSorted(ORDERS[order.value]); show(); });
search.addEventListener("keydown", (event) => { if (event.key === "Escape") { search.value = ""; show(); } });
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !event.target.closest("input, select")) { event.preventDefault(); search.focus(); }
});
window.addEventListener("hashchange", jump);
window.addEventListener("beforeprint", () => show(cases.length));
show();
jump();
