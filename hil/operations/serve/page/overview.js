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
const WORDS = ["infrastructure", "failed", "error", "flaky", "blocked", "quarantined", "passed", "xfailed", "skipped"];

function counts(run) {
	return WORDS.filter((word) => run.counts[word]).flatMap((word) => [element("span", { class: `${word}-word` }, `${run.counts[word]} ${word}`), " "]);
}

function board(one) {
	const places = one.places.length ? one.places : [{ name: "here", state: one.runner ? "running" : one.trouble ? "unavailable" : "free", holder: one.runner, health: one.trouble ? "" : "good", why: one.trouble ? one.trouble.reason : "" }];
	const last = one.last_run ? element("a", { href: runAddress(one.last_run.id) }, `last run ${one.last_run.verdict}`) : "never ran";
	return element("div", { class: "row" },
		element("div", { class: "who" }, element("b", {}, one.name), element("span", { class: "note" }, one.description)),
		element("div", { class: "what" }, ...places.map((place) => element("div", {},
			element("span", { class: `state ${place.state}` }, place.state), ` ${place.name} `,
			element("span", { class: "note" }, [place.holder && `held by ${place.holder}`, place.why || (place.health !== "good" && place.health)].filter(Boolean).join("; "))))),
		element("div", { class: "last" }, last));
}

function run(one) {
	return element("div", { class: "row" },
		element("div", { class: "who" }, element("a", { href: runAddress(one.id) }, one.name || one.id), element("span", { class: "note" }, one.started ? `${when(one.started)} UTC` : one.id)),
		element("div", { class: "what" }, ...counts(one)),
		element("div", { class: "last" }, one.seconds ? element("span", { class: "note" }, `${one.seconds.toFixed(1)} s `) : "", verdict(one.verdict)));
}

function card(one) {
	return element("a", { class: "card running", href: runAddress(one.id) }, element("b", {}, one.name), element("span", { class: "note" }, `since ${when(one.started)} UTC`), "watch it");
}

const state = document.getElementById("state");
const source = new EventSource("/stream");
source.addEventListener("overview", (event) => {
	const { boards, runs, trouble } = JSON.parse(event.data);
	const running = runs.filter((one) => one.verdict === "running");
	document.getElementById("running").hidden = !running.length;
	document.querySelector("#running .cards").replaceChildren(...running.map(card));
	document.getElementById("boards").replaceChildren(...boards.map(board));
	document.getElementById("runs").replaceChildren(...runs.map(run));
	state.textContent = trouble || `${boards.length} boards, ${running.length} runs go on, ${runs.length} runs shown`;
});
source.addEventListener("error", () => { state.textContent = "the server is gone; this is what it said last"; });
window.addEventListener("pagehide", () => source.close());
