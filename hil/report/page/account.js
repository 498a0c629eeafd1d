/* What a test did on the board, what it printed and logged, and what it kept. */

/* The steps of the framework that fall into an attempt, as entries of its account; the first attempt gets the earlier ones. */
function stepsOf(made, test) {
	const begin = made.from ?? test.steps[0]?.[0] ?? 0;
	const next = test.attempts[test.attempts.indexOf(made) + 1]?.from ?? Infinity;
	const first = made === test.attempts[0];
	return test.steps.filter(([at]) => at < next && (first || at >= begin)).map(([at, what, seconds]) => ({ at: at - begin, seconds, kind: "board", where: "", what, answer: "", ok: true }));
}

function entry(done) {
	if (done.kind === "gap") return element("li", { class: "gap" }, `… ${done.what} …`);
	const what = element("span", { class: "what" }, ...(done.where ? [element("span", { class: "by" }, `${done.where}: `)] : []), done.what);
	if (done.answer) what.append(element("span", { class: "answer" }, element("span", { class: "arrow", "aria-label": "answer" }, " → "), done.answer));
	return element("li", { class: done.ok ? done.kind : `${done.kind} refused` },
		element("span", { class: "at" }, `+${done.at.toFixed(3)} s`), element("span", { class: "took" }, duration(done.seconds)),
		element("span", { class: "sort" }, done.kind), what);
}

function account(made, test) {
	const done = made.account.map(([at, seconds, kind, where, what, answer, ok]) => ({ at, seconds, kind, where, what, answer, ok }));
	const entries = [...done, ...stepsOf(made, test)].toSorted((a, b) => a.at - b.at);
	if (!entries.length) return [];
	const actions = entries.filter((one) => one.kind !== "gap").length;
	const refused = entries.filter((one) => !one.ok).length;
	const title = `${actions} ${actions === 1 ? "step" : "steps"} on the board${refused ? `, ${refused} refused or failed` : ""}`;
	const rows = element("ol", { class: "account id", tabindex: "0" }, ...entries.map(entry));
	const shown = element("details", { class: "steps" }, element("summary", {}, title), rows);
	shown.open = made.faults.length > 0;
	if (shown.open) requestAnimationFrame(() => { rows.scrollTop = rows.scrollHeight; }); // what happened last explains most
	return [shown];
}

function output(made) {
	return made.output.flatMap(([stream, text]) => [paragraph(stream.replace(" ", " of "), "kind"), element("pre", { tabindex: "0" }, text)]);
}

function attachment(kept) {
	const name = kept.file ? element("a", { href: kept.file }, kept.name) : element("span", {}, kept.name);
	const item = element("li", {}, name, ` ${[kept.size, kept.note].filter(Boolean).join(", ")}`);
	if (kept.picture) item.append(element("a", { href: kept.file }, element("img", { src: kept.picture, alt: kept.name, loading: "lazy" })));
	if (kept.figures) item.append(element("pre", { tabindex: "0" }, kept.figures));
	return item;
}

function attachments(made) {
	if (!made.attachments.length) return [];
	return [paragraph("attachments", "kind"), element("ul", { class: "attachments" }, ...made.attachments.map(attachment))];
}

PARTS.push(account, output, attachments);
