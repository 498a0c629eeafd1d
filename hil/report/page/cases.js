"use strict";

const cases = JSON.parse(document.getElementById("case-data").textContent);
const list = document.getElementById("cases");
const search = document.querySelector("#filter input");
const outcome = document.querySelector("#filter select");
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
	for (const [uart, text] of made.console) body.append(paragraph(`console ${uart}`, "kind"), consoleText(text));
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

function fill(details, test) {
	const body = element("div", { class: "body" });
	if (test.quarantine) body.append(paragraph(`in quarantine: ${test.quarantine}`));
	body.append(...(test.attempts.length > 1 ? tabs(test) : [attempt(test.attempts[0], test)]));
	body.append(element("p", { class: "note" }, element("a", { href: `#${test.anchor}` }, "link to this test")));
	details.append(body);
}

function row(test) {
	const tries = test.attempts.length > 1 ? `${test.attempts.length} attempts  ` : "";
	const details = element("details", { "data-case": test.n }, element("summary", {},
		element("span", { class: `word ${test.word}-word` }, test.word), element("span", { class: "id" }, test.id),
		element("span", { class: "where" }, `${tries}${test.board}  ${test.seconds ? duration(test.seconds) : ""}`)));
	details.addEventListener("toggle", () => { if (details.open && details.childNodes.length === 1) fill(details, test); });
	return details;
}

/* The list: the worst first; a case is filled in when somebody opens it. */
const ORDER = ["infrastructure", "usage", "interrupted", "error", "failed", "flaky", "blocked", "not-run", "quarantined", "xfailed", "passed", "skipped", "unfit"];
const rank = (test) => ORDER.indexOf(test.word);
const sorted = cases.toSorted((a, b) => rank(a) - rank(b) || a.n - b.n);
const says = (test) => [test.id, test.board, ...test.attempts.flatMap((made) => [made.reason, ...made.faults.map((seen) => seen.message)])].join(" ").toLowerCase();
const spoken = new Map(sorted.map((test) => [test, says(test)]));

function show(limit = PAGE) {
	const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
	const fits = sorted.filter((test) => (!outcome.value || test.word === outcome.value) && words.every((word) => spoken.get(test).includes(word)));
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
		search.value = outcome.value = "";
		show(sorted.indexOf(test) + 1 > PAGE ? sorted.indexOf(test) + 1 : PAGE);
	}
	const details = find();
	details.open = true;
	details.scrollIntoView();
	details.firstElementChild.focus({ preventScroll: true });
}

search.addEventListener("input", () => show());
outcome.addEventListener("input", () => show());
search.addEventListener("keydown", (event) => { if (event.key === "Escape") { search.value = ""; show(); } });
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !event.target.closest("input, select")) { event.preventDefault(); search.focus(); }
});
window.addEventListener("hashchange", jump);
window.addEventListener("beforeprint", () => show(cases.length));
show();
jump();
