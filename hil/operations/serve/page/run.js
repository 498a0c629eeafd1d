"use strict";

const id = decodeURIComponent(location.pathname.split("/")[2]);
const TESTS_SHOWN = 200;
const LINES_SHOWN = 500;
const GOOD = new Set(["passed", "xfailed", "skipped", "unfit"]);

function element(name, attributes = {}, ...content) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

const find = (name) => document.getElementById(name);
find("name").textContent = document.title = id;
let run = id;

/* Where each board is: its state, and the test that runs on it. */
const seats = new Map();

function seat(event) {
	const name = event.seat || event.board || run;
	if (!seats.has(name)) {
		const [stage, test] = [element("span", { class: "state" }), element("span", { class: "id" })];
		find("now").append(element("div", { class: "row" }, element("div", { class: "who" }, element("b", {}, name)), element("div", { class: "what" }, test), element("div", { class: "last" }, stage)));
		seats.set(name, { stage, test });
	}
	return seats.get(name);
}

const counted = new Map();

function ended(event) {
	const word = event.unfit ? "unfit" : event.fault === "infrastructure" ? event.fault : event.outcome;
	counted.set(word, (counted.get(word) || 0) + 1);
	const line = () => element("div", { class: "row" }, element("div", { class: `${word}-word` }, word),
		element("div", { class: "what id" }, event.id, element("span", { class: "note" }, event.reason ? ` ${event.reason}` : "")),
		element("div", { class: "last note" }, `${event.seat || event.board || run} ${event.duration.toFixed(2)} s`));
	find("tests").prepend(line());
	if (find("tests").childElementCount > TESTS_SHOWN) find("tests").lastElementChild.remove();
	if (GOOD.has(word)) return;
	find("bad").hidden = false;
	find("bad").querySelector(".list").append(line());
}

function happened(event) {
	if (event.event === "run-started") {
		run = event.name;
		find("name").textContent = document.title = `${run}, ${event.started.slice(0, 19).replace("T", " ")} UTC`;
	}
	if (event.event === "case-started") seat(event).test.textContent = event.id;
	if (event.event === "stage") seat(event).stage.textContent = event.ok ? event.stage : `${event.stage} failed`;
	if (event.event === "attempt") seat(event).test.textContent = `${event.id} again, after ${event.outcome}`;
	if (event.event === "case") {
		seat(event).test.textContent = "";
		ended(event);
	}
	if (event.event === "fault") {
		find("bad").hidden = false;
		find("bad").querySelector(".list").append(element("div", { class: "row" }, element("div", { class: `${event.kind}-word` }, event.kind), element("div", { class: "what" }, event.message)));
	}
}

/* Consoles: the last lines of each, kept at their end unless somebody scrolled up to read. */
const consoles = new Map();

function said({ name, lines }) {
	if (!consoles.has(name)) {
		const text = element("pre", { tabindex: "0", "aria-label": `console ${name}` });
		find("consoles").append(element("details", { open: "" }, element("summary", {}, name), text));
		consoles.set(name, text);
	}
	const text = consoles.get(name);
	const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
	for (const line of lines.slice(-LINES_SHOWN)) text.append(element("div", {}, line || "\u00a0"));
	while (text.childElementCount > LINES_SHOWN) text.firstElementChild.remove();
	if (atEnd) text.scrollTop = text.scrollHeight;
}

const source = new EventSource("stream");
source.addEventListener("open", () => {
	/* After a lost connection everything is told again. */
	for (const name of ["now", "tests", "consoles"]) find(name).replaceChildren();
	find("bad").querySelector(".list").replaceChildren();
	for (const known of [seats, counted, consoles]) known.clear();
	find("state").textContent = "live";
});
source.addEventListener("happened", (message) => {
	JSON.parse(message.data).events.forEach(happened);
	find("counts").textContent = [...counted].map(([word, number]) => `${number} ${word}`).join(", ");
});
source.addEventListener("console", (message) => said(JSON.parse(message.data)));
source.addEventListener("finished", (message) => {
	source.close();
	const { verdict, counts } = JSON.parse(message.data);
	find("verdict").className = `verdict ${verdict}`;
	find("verdict").textContent = verdict;
	/* What a killed run did not tell any more is counted, too, as everywhere else. */
	if (counts) find("counts").textContent = Object.entries(counts).map(([name, number]) => `${number} ${name.replace("_", " ")}`).join(", ");
	const over = verdict === "killed" ? "the run was killed: " : "the run is over: ";
	find("state").replaceChildren(over, element("a", { href: "report.html" }, "its report"));
});
source.addEventListener("error", () => { if (source.readyState !== EventSource.CLOSED) find("state").textContent = "the server is gone; trying again"; });
window.addEventListener("pagehide", () => source.close());
