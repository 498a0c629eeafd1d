"""The documentation site: whole, without dead links, and without a look at the network."""

from __future__ import annotations

import html
import importlib
import re
import shutil
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
import typer.main

from hil.api import MODULES
from hil.cli.commandline import app
from hil.session.plugin.markers import NEEDS
from tests.docs.built import ROOT, build
from tools.site.links import Pages

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("docs", "mkdocs.yml", "hil", "tools", "firmware", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc=["']?(?P<src>[^"' >]+)|"""
    r"""<link\b[^>]*?\bhref=["']?(?P<href>[^"' >]+)|url\(["']?(?P<url>[^"')]+)|@import\s+["'](?P<imported>[^"']+)"""
)
"""What a browser fetches of itself for a page or a style sheet."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the site is made of, with pages that may be changed."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in PARTS[1:]:
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_a_browser_fetches_nothing_from_elsewhere(site: Path) -> None:
    found = {
        (path.name, address)
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
        for match in FETCHED.finditer(path.read_text(encoding="utf-8"))
        for address in match.groups()
        if address and re.match(r"(https?:)?//", address)
    }
    assert not found


def test_every_page_of_the_tree_is_in_the_site(site: Path) -> None:
    docs: set[PurePath] = {
        path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")
    }
    others = {PurePath(page).with_suffix(".html") for page in Pages.of(ROOT).others.values()}
    assert [path for path in docs | others if not (site / path).is_file()] == []


def test_the_navigation_has_each_page_once() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = re.findall(r"[\w/-]+\.md$", navigation, re.MULTILINE)
    assert len(pages) > 60
    assert [page for page, times in Counter(pages).items() if times > 1] == []


def test_nothing_in_the_site_needs_its_address_or_is_a_template(site: Path) -> None:
    assert [name for name in ("404.html", "sitemap.xml", "sitemap.xml.gz") if (site / name).exists()] == []
    texts = [path for path in site.rglob("*") if path.suffix in {".xml", ".css", ".js", ".svg"}]
    assert [path for path in texts if "{%" in path.read_text(encoding="utf-8")] == []


def test_what_is_made_from_code_is_there(site: Path) -> None:
    commands = (site / "command-line.html").read_text(encoding="utf-8")
    assert [name for name in typer.main.get_command(app).commands if f"hil {name}" not in commands] == []  # type: ignore[attr-defined]
    fixtures = (site / "fixtures.html").read_text(encoding="utf-8")
    assert [
        name for name in (*(f"needs_{need}" for need in NEEDS), "make_vtpm", "host_memory") if name not in fixtures
    ] == []
    assert "BoardStrategy" in (site / "board-files.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_is_in_the_reference(site: Path, name: str) -> None:
    module = importlib.import_module(name)
    page = (site / "api" / f"{name}.html").read_text(encoding="utf-8")
    public = [key for key in module.__all__ if f"{name}.{key}" not in MODULES]  # those have pages of their own
    assert public
    assert [key for key in public if not re.search(rf'id="{re.escape(name)}\.{key}"', page)] == []
    first_line = (module.__doc__ or "").partition("\n")[0].replace("`", "")
    assert first_line
    assert first_line in html.unescape(re.sub(r"<[^>]+>", "", page))


def test_dead_links_fail_the_build(tree: Path, tmp_path: Path) -> None:
    links = ("nowhere.md", "../firmware/nowhere.c", "suites.md#nowhere")
    with (tree / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write("".join(f"\n[dead]({link})" for link in links))
    done = build(tree, tmp_path / "site", reference=False)
    assert done.returncode != 0
    assert [link for link in links if f"'{link}'" not in done.stderr] == []


def test_links_lead_to_the_page_of_the_site_or_name_the_file() -> None:
    pages = Pages.of(ROOT)
    assert (
        pages.rewritten("[a](../firmware/linux/vmm/README.md#x)", "docs/suites.md")
        == "[a](inside/firmware-linux-vmm.md#x)"
    )
    assert pages.rewritten("[a](../../docs/linux.md)", "firmware/linux/README.md") == "[a](../linux.md)"
    assert pages.rewritten("[it](../../boards/juno.yaml)", "docs/boards/juno.md") == "it (`boards/juno.yaml`)"
    assert pages.rewritten("[`juno.yaml`](../../boards/juno.yaml)", "docs/boards/juno.md") == "`boards/juno.yaml`"
    assert pages.rewritten("[lab.md](lab.md#health)", "docs/suites.md") == "[A lab of many boards](lab.md#health)"
    assert pages.rewritten("[a](../README.md)", "docs/suites.md") == "[a](index.md)"
    assert pages.rewritten("![a](pictures/lab.svg)", "docs/lab.md") == "![a](pictures/lab.svg)"
