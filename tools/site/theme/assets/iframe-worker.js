// Lets the search work on pages that are opened as files.
//
// The theme searches in a Worker, and browsers start none from file://. A hidden frame can run the same script: it has
// a global object of its own, and as it has this page's origin, both can reach each other.
"use strict";

if (location.protocol === "file:") {
	window.Worker = class extends EventTarget {
		#frame = document.createElement("iframe");
		#inside;

		constructor(url) {
			super();
			this.#frame.hidden = true;
			this.#inside = new Promise((started) => {
				this.#frame.addEventListener("load", () => this.#start(new URL(url, document.baseURI), started), { once: true });
			});
			this.#frame.srcdoc = "<!doctype html>";
			document.body.append(this.#frame);
		}

		#start(url, started) {
			const inside = this.#frame.contentWindow;
			inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
			const script = inside.document.createElement("script");
			script.src = url;
			script.addEventListener("load", () => started(inside));
			inside.document.head.append(script);
		}

		async postMessage(data) {
			// In order, as all of them wait for one promise.
			(await this.#inside).dispatchEvent(new MessageEvent("message", { data }));
		}

		terminate() {
			this.#frame.remove();
		}
	};
}
