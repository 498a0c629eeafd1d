"use strict";

/* Most of the page is data of its tests. They are compressed, and unpacked before the program starts that shows them. */
(async () => {
	const [data, program] = ["case-data", "program"].map((id) => document.getElementById(id));
	try {
		const bytes = Uint8Array.from(atob(data.textContent), (letter) => letter.charCodeAt(0));
		data.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
	} catch (error) {
		document.getElementById("cases").textContent = `This browser cannot unpack the list of tests (${error}); junit.xml has it, too.`;
		return;
	}
	const started = document.createElement("script");
	started.textContent = program.textContent;
	document.body.append(started);
	document.documentElement.dataset.started = "";
})();
