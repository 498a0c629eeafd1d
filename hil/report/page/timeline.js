
/* The timeline: for each board its tests and its states, for each console how busy it was. */
const timeline = JSON.parse(document.getElementById("timeline-data").textContent);
const svg = document.querySelector("#timeline svg");
const hover = document.getElementById("hover");
const SVG = "http://www.w3.org/2000/svg";
const LANE = 24;
const MOMENT = 0.1;
const TICKS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200];
const whole = Math.max(timeline.seconds, 0.1);
let from = 0;
let to = whole;

/* A lane is a list of bars in the order of time: begin, end, class, height from 0 to 1, what to say, case. */
function lanes() {
	const found = new Map();
	const lane = (board, name) => {
		const key = `${board}\n${name}`;
		return (found.get(key) || found.set(key, { board, name, bars: [] }).get(key)).bars;
	};
	for (const test of cases) {
		for (const made of test.attempts) {
			if (made.from === null) continue;
			const good = ["passed", "xfailed", "skipped", "unfit"].includes(made.word);
			lane(made.board, "tests").push([made.from, made.from + made.seconds, made.word, good ? 0.6 : 1, `${test.id}: ${made.word}, ${duration(made.seconds)}`, test]);
		}
	}
	for (const [board, begin, seconds, stage, ok] of timeline.stages) {
		lane(board, "states").push([begin, begin + seconds, ok ? "state" : "failed", ok ? 0.6 : 1, `${stage}${ok ? "" : " failed"}, ${duration(seconds)}`]);
	}
	for (const [board, uart, moments] of timeline.uarts) {
		const most = Math.log1p(Math.max(...moments.map(([, lines]) => lines), 1));
		const bars = lane(board, uart);
		for (const [at, lines] of moments) bars.push([at, at + MOMENT, "uart", 0.2 + 0.8 * Math.log1p(lines) / most, `${uart}: ${lines} lines`]);
	}
	for (const { bars } of found.values()) bars.sort((a, b) => a[0] - b[0]);
	return [...found.values()].toSorted((a, b) => a.board.localeCompare(b.board));
}

const allLanes = lanes();

function shape(name, attributes, text = "") {
	const made = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.textContent = text;
	return made;
}

const labelWidth = () => (svg.clientWidth < 600 ? 0 : 190);
const scale = () => (svg.clientWidth - labelWidth()) / (to - from);
const laneHeight = () => (labelWidth() ? LANE : LANE * 1.7);

/* One path for each class of a lane: what is narrower than a pixel is drawn once. */
function drawLane(lane, top, left, unit) {
	const paths = new Map();
	const reached = new Map();
	for (const [begin, end, kind, height] of lane.bars) {
		if (end < from || begin > to) continue;
		const x = left + (Math.max(begin, from) - from) * unit;
		const right = Math.max(left + (Math.min(end, to) - from) * unit, x + 1);
		if (right <= (reached.get(kind) ?? -1) + 0.5) continue;
		reached.set(kind, right);
		const tall = (LANE - 6) * height;
		paths.set(kind, `${paths.get(kind) ?? ""}M${x.toFixed(1)} ${(top + LANE - 3).toFixed(1)}V${(top + LANE - 3 - tall).toFixed(1)}H${right.toFixed(1)}V${(top + LANE - 3).toFixed(1)}Z`);
	}
	return [...paths].map(([kind, d]) => shape("path", { d, class: `bar ${kind}` }));
}

function time(seconds) {
	if (whole < 120) return `${+seconds.toFixed(2)} s`;
	return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(to - from < 10 ? 1 : 0).padStart(2, "0")}`;
}

function draw() {
	const width = svg.clientWidth;
	const [left, unit] = [labelWidth(), scale()];
	const height = allLanes.length * laneHeight() + LANE;
	svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	svg.style.height = `${height}px`;
	const parts = [];
	const step = TICKS.find((seconds) => seconds * unit > 80) || TICKS.at(-1);
	for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
		const x = left + (at - from) * unit;
		parts.push(shape("line", { x1: x, x2: x, y1: 0, y2: height - LANE, class: "grid-line" }));
		if (x < width - 30) parts.push(shape("text", { x: x + 2, y: height - 8 }, time(at)));
	}
	allLanes.forEach((lane, number) => {
		const first = lane.name === "tests";
		const top = number * laneHeight() + (left ? 0 : laneHeight() - LANE);
		const name = left ? (first ? lane.board : lane.name) : `${lane.board}: ${lane.name}`;
		parts.push(shape("text", { x: left && !first ? 12 : 0, y: left ? top + 17 : top - 1, class: first ? "board-name" : "" }, name));
		parts.push(...drawLane(lane, top, left, unit));
	});
	svg.replaceChildren(...parts);
}

function look(begin, end) {
	to = Math.min(whole, Math.max(end, begin + 0.01));
	from = Math.max(0, Math.min(begin, to - 0.01));
	draw();
}

function zoom(factor, middle = (from + to) / 2) {
	const span = Math.min(Math.max((to - from) * factor, 0.01), whole);
	const begin = Math.min(Math.max(0, middle - (middle - from) * span / (to - from)), whole - span);
	look(begin, begin + span);
}

function move(seconds) {
	const span = to - from;
	const begin = Math.min(Math.max(0, from + seconds), whole - span);
	look(begin, begin + span);
}

const moment = (event) => from + Math.max(0, event.clientX - svg.getBoundingClientRect().left - labelWidth()) / scale();

/* The bar under the pointer; a narrow one can be hit from two pixels away. */
function hit(event) {
	const lane = allLanes[Math.floor((event.clientY - svg.getBoundingClientRect().top) / laneHeight())];
	const [at, near] = [moment(event), 2 / scale()];
	return lane && lane.bars.find(([begin, end]) => begin - near <= at && at <= end + near);
}

svg.addEventListener("wheel", (event) => {
	event.preventDefault();
	if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((event.deltaX || event.deltaY) / scale());
	else zoom(event.deltaY < 0 ? 0.8 : 1.25, moment(event));
}, { passive: false });

/* One pointer drags, two pinch; a pointer that stayed where it was clicks. */
const pointers = new Map();
let dragged = 0;

svg.addEventListener("pointerdown", (event) => {
	svg.setPointerCapture(event.pointerId);
	pointers.set(event.pointerId, event.clientX);
	if (pointers.size === 1) dragged = 0;
});
svg.addEventListener("pointermove", (event) => {
	const before = pointers.get(event.pointerId);
	if (before === undefined) {
		const bar = hit(event);
		if (bar) hover.textContent = `${time(bar[0])}: ${bar[4]}`;
		return;
	}
	dragged += Math.abs(event.clientX - before);
	if (pointers.size === 1) move((before - event.clientX) / scale());
	if (pointers.size === 2) {
		const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
		const spread = Math.abs(event.clientX - other);
		if (spread > 5) zoom(Math.abs(before - other) / spread, from + (Math.min(event.clientX, other) + spread / 2 - svg.getBoundingClientRect().left - labelWidth()) / scale());
	}
	pointers.set(event.pointerId, event.clientX);
});
function lift(event) {
	const clicked = event.type === "pointerup" && pointers.size === 1 && dragged < 4;
	pointers.delete(event.pointerId);
	const bar = clicked && hit(event);
	if (!bar) return;
	hover.textContent = `${time(bar[0])}: ${bar[4]}`;
	if (bar[5] && event.pointerType === "mouse") location.hash = `#${bar[5].anchor}`;
}
svg.addEventListener("pointerup", lift);
svg.addEventListener("pointercancel", lift);
svg.addEventListener("keydown", (event) => {
	const act = {
		"+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => look(0, whole), Home: () => look(0, to - from), End: () => look(whole - to + from, whole),
		ArrowLeft: () => move((from - to) / 5), ArrowRight: () => move((to - from) / 5),
	}[event.key];
	if (act) { event.preventDefault(); act(); }
});
for (const button of document.querySelectorAll("[data-zoom]")) {
	button.addEventListener("click", () => (+button.dataset.zoom ? zoom(+button.dataset.zoom) : look(0, whole)));
}
new ResizeObserver(draw).observe(svg.parentElement);
