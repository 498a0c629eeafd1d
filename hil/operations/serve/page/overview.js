"use strict";

function element(name, attributes = {}, ...content) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.append(...content);
	return made;
}

const runAddress = (id) => `/runs/${encodeURIComponent(id)}/`;
const when = (moment) => moment.slice(0, 16).replace("T", " ");
const verdict = (word) => element("span", { class: `verdict ${word}` }, word);

/* Words of a run in the order of their weight: the worst is read first. */
const WORDS = ["infrastructure", "failed", "errors", "flaky", "not_run", "quarantined", "passed", "xfailed", "skipped"];

function counts(run) {
	return WORDS.flatMap((word) => (run.counts[word] ? [element("span", { class: `${word.replace("_", "-")}-word` }, `${run.counts[word]} ${word.replace("_", " ")}`), " "] : []));
}

function boardRow(board) {
	const places = board.places.length ? board.places : [{ name: "here", state: board.runner ? "running" : board.trouble ? "unavailable" : "free", holder: board.runner, health: board.trouble ? "" : "good", why: board.trouble ? board.trouble.reason : "" }];
	const last = board.last_run ? element("a", { href: runAddress(board.last_run.id) }, `last run ${board.last_run.verdict}`) : "never ran";
	return element("div", { class: "row" },
		element("div", { class: "who" }, element("b", {}, board.name), element("span", { class: "note" }, board.description)),
		element("div", { class: "what" }, ...places.map((place) => element("div", {},
			element("span", { class: `state ${place.state}` }, place.state), ` ${place.name} `,
			element("span", { class: "note" }, [place.holder && `held by ${place.holder}`, place.why || (place.health !== "good" && place.health)].filter(Boolean).join("; "))))),
		element("div", { class: "last" }, last));
}

function runRow(run) {
	return element("div", { class: "row" },
		element("div", { class: "who" }, element("a", { href: runAddress(run.id) }, run.name || run.id), run.label ? element("span", { class: "label" }, run.label) : "", element("span", { class: "note" }, run.started ? `${when(run.started)} UTC` : run.id)),
		element("div", { class: "what" }, ...counts(run)),
		element("div", { class: "last" }, run.seconds ? element("span", { class: "note" }, `${run.seconds.toFixed(1)} s `) : "", verdict(run.verdict)));
}

function card(run) {
	return element("a", { class: "card running", href: runAddress(run.id) }, element("b", {}, run.name), element("span", { class: "note" }, `since ${when(run.started)} UTC`), "watch it");
}

/* The runs with the chosen label, and a choice that has all labels. */
const labels = document.getElementById("labels");
const choice = labels.querySelector("select");
let known = [];

function showRuns(runs) {
	known = runs;
	const names = [...new Set(runs.map((run) => run.label).filter(Boolean))].toSorted();
	const wanted = choice.value;
	labels.hidden = !names.length;
	choice.replaceChildren(element("option", { value: "" }, "every run"), ...names.map((name) => element("option", {}, name)));
	choice.value = names.includes(wanted) ? wanted : "";
	labels.querySelector("a").href = choice.value ? `/history?label=${encodeURIComponent(choice.value)}` : "/history";
	document.getElementById("runs").replaceChildren(...runs.filter((run) => !choice.value || run.label === choice.value).map(runRow));
}

choice.addEventListener("input", () => showRuns(known));
const state = document.getElementById("state");
const source = new EventSource("/stream");
source.addEventListener("overview", (event) => {
	const { boards, runs, trouble } = JSON.parse(event.data);
	const running = runs.filter((run) => run.verdict === "running");
	document.getElementById("running").hidden = !running.length;
	document.querySelector("#running .cards").replaceChildren(...running.map(card));
	document.getElementById("boards").replaceChildren(...boards.map(boardRow));
	showRuns(runs);
	state.textContent = trouble || `${boards.length} boards, ${running.length} runs go on, ${runs.length} runs shown`;
});
source.addEventListener("error", () => { state.textContent = "the server is gone; this is what it said last"; });
window.addEventListener("pagehide", () => source.close());
