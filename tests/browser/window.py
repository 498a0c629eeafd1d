"""A window of the browser on one page, and what can be seen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

WAIT_MILLISECONDS = 60_000
"""For what a page does within milliseconds on a machine that is not in use."""

STARTED = "!document.getElementById('program') || 'started' in document.documentElement.dataset"
"""Whether the page of a run has unpacked its tests; other pages have no program that waits for that."""

CONTRAST = """() => {
	const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
	const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
	const numbers = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
	const over = (upper, lower) => [0, 1, 2].map((at) => upper[at] * upper[3] + lower[at] * (1 - upper[3])).concat(1);
	const behind = (element) => {
		const layers = [];
		for (let at = element; at; at = at.parentElement) {
			layers.push(numbers(getComputedStyle(at).backgroundColor));
			if (layers.at(-1)[3] === 1) break;
		}
		return layers.reduceRight((lower, upper) => over(upper, lower), [255, 255, 255, 1]);
	};
	const found = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const element = texts.currentNode.parentElement;
		const said = texts.currentNode.data.trim();
		if (!said || !element.checkVisibility({ opacityProperty: true })) continue;
		if (element.closest("script, style, noscript, option")) continue;
		const style = getComputedStyle(element);
		const colour = element.closest("svg") ? style.fill : style.color;
		const ground = behind(element);
		const [light, dark] = [over(numbers(colour), ground), ground].map(luminance).sort((a, b) => b - a);
		const ratio = (light + 0.05) / (dark + 0.05);
		const size = parseFloat(style.fontSize);
		const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
		if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${colour} "${said.slice(0, 40)}"`);
	}
	return [...new Set(found)];
}"""
"""Texts of less contrast than WCAG 2.2, 1.4.3 (AA), asks for."""


class Window:
    """Opened at `url` on a screen of `width` pixels."""

    def __init__(self, browser: Browser, url: str, *, width: int, dark: bool, touch: bool) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light", has_touch=touch
        )
        self._context.set_default_timeout(WAIT_MILLISECONDS)
        self.page = self._context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)
        self.page.wait_for_function(
            "!document.getElementById('program') || 'started' in document.documentElement.dataset"
        )

    def find(self, selector: str, *, has_text: str | None = None, has: Locator | None = None) -> Locator:
        return self.page.locator(selector, has_text=has_text, has=has)

    def text(self) -> str:
        return self.page.inner_text("body")

    def evaluate(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)

    def wait_until(self, script: str) -> None:
        """Wait until an expression is true."""
        self.page.wait_for_function(script)

    def low_contrast(self) -> list[str]:
        found: list[str] = self.page.evaluate(CONTRAST)
        return found

    def overflow(self) -> int:
        """How many pixels of the page do not fit its width."""
        pixels: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return pixels

    def close(self) -> None:
        self._context.close()
        assert self.complaints == []
