"""What mkdocs does besides: it adds the pages that are made from code, and those that lie beside the code."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.api import MODULES
from tools.site import api, boardfile, commandline, plugin
from tools.site.links import DOCS, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

MADE: dict[str, Callable[[], str]] = {
    "command-line.md": commandline.page,
    "fixtures.md": plugin.page,
    "board-files.md": boardfile.page,
    api.OVERVIEW: api.overview,
    **{api.page_name(module): partial(api.page, module) for module in MODULES},
}
"""Pages that are made from code."""
LEFTOVERS = "More"
"""Where pages stand that nobody has found a place for."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that the navigation does not name at its end, and leave out what needs the site's address."""
    # 404.html and sitemap.xml name other files from the root of a server, which nobody knows here.
    config.theme.static_templates.clear()
    config.nav = [_with_modules(part) for part in config.nav or []]
    docs = Path(config.docs_dir)
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    there |= {*MADE, *_pages(config).others.values()}
    if forgotten := sorted(there - set(_named(config.nav))):
        config.nav = [*config.nav, {LEFTOVERS: forgotten}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    if template := files.get_file_from_path("sitemap.xml"):
        files.remove(template)  # what is not filled in as a template is copied as it is
    pages = _pages(config)
    for name, make in MADE.items():
        files.append(File.generated(config, name, content=make()))
    for path, name in pages.others.items():
        text = (pages.root / path).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=pages.rewritten(text, path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let links of pages in docs/ lead to pages of the site."""
    if page.parent is None:
        page.meta["hide"] = ["navigation"]  # a page without siblings would have itself alone at its side
    if page.file.generated_by:
        return markdown
    return _pages(config).rewritten(markdown, DOCS + page.file.src_uri)


def _pages(config: MkDocsConfig) -> Pages:
    return Pages.of(Path(config.docs_dir).parent)


def _with_modules(part: object) -> object:
    """Return a part of the navigation, the API's with the pages of the modules."""
    if not isinstance(part, dict) or api.SECTION not in part:
        return part
    return {api.SECTION: [*part[api.SECTION], *({module: api.page_name(module)} for module in MODULES)]}


def _named(nav: object) -> Iterator[str]:
    """Yield the pages of a navigation: lists, and mappings from titles, of pages."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for part in nav.values():
            yield from _named(part)
    elif isinstance(nav, list):
        for part in nav:
            yield from _named(part)
