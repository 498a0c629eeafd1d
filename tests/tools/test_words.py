"""The check of the language finds what it is for, and nothing in code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.words import spelling, usage, wrapping
from tools.words.__main__ import DICTIONARY, STYLE, check_words, main
from tools.words.prose import lines_of

ROOT = Path(__file__).parents[2]
PAGE = """\
# A page

A `wrods` in code is no word, and neither is `one of
twwo` lines. A wrng word is.

```sh
mkae all
```

| a tble |
|---|
| with `clls` and celss |
"""
MODULE = '''\
"""A modle with a `nmae`."""

import re  # noqa: F401


def find(word: str) -> str:
    """Find a word.

    In its second paragrph there is https://exmple.org/pth.
    """
    # A coment.
    return "not a strng of prose" + word


OPTION = dict(help="What peolpe read")
'''
SOURCE = """\
/* A coment of two
 * lnes. */
int mian(void); // the entri
"""
RULES = """\
# Style

## Words

| write | not | kept in |
|---|---|---|
| scheduler | `deal`, `dealt` | `OldDeal` |

### Names

| write | not | kept in |
|---|---|---|
| status | `standing` | |

### Modules

| write | not | kept in |
|---|---|---|
| what it does | `utils` | |
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def places(path: Path, tmp_path: Path) -> list[str]:
    """Return the misspelt words of a file with their lines."""
    found = spelling.misspelt(lines_of(path), write(tmp_path, "dictionary", ""))
    return sorted(finding.rpartition("/")[2] for finding in found)


def test_misspelt_words_of_a_page_are_found_and_its_code_is_not_read(tmp_path: Path) -> None:
    page = write(tmp_path, "page.md", PAGE)
    assert places(page, tmp_path) == [
        "page.md:10: spelling: tble",
        "page.md:12: spelling: celss",
        "page.md:4: spelling: wrng",
    ]


def test_docstrings_comments_and_help_are_checked_and_strings_and_addresses_are_not(tmp_path: Path) -> None:
    module = write(tmp_path, "module.py", MODULE)
    assert places(module, tmp_path) == [
        "module.py:11: spelling: coment",
        "module.py:15: spelling: peolpe",
        "module.py:1: spelling: modle",
        "module.py:9: spelling: paragrph",
    ]


def test_comments_of_c_are_checked_and_names_are_not(tmp_path: Path) -> None:
    source = write(tmp_path, "source.c", SOURCE)
    assert places(source, tmp_path) == [
        "source.c:1: spelling: coment",
        "source.c:2: spelling: lnes",
        "source.c:3: spelling: entri",
    ]


def test_names_acronyms_and_genitives_are_no_misspelt_words() -> None:
    assert spelling.words_in("VMID's table_of pages of BoardFile, EL3's guest's x0.y and re-used ones") == {
        "pages",
        "guest",
        "and",
        "used",
        "ones",
    }


def test_a_word_of_the_dictionary_that_nobody_writes_is_a_finding(tmp_path: Path) -> None:
    page = write(tmp_path, "page.md", "A wrng word.\n")
    dictionary = write(tmp_path, "dictionary", "# ours\nwrng\nidel\nhouse\n")
    found = spelling.misspelt(lines_of(page), dictionary)
    assert [finding.partition("`")[2].partition("`")[0] for finding in found] == ["house", "idel"]


def test_the_dictionary_is_sorted_and_has_each_word_once() -> None:
    words = [line for line in (ROOT / DICTIONARY).read_text().splitlines() if not line.startswith("#")]
    assert words == sorted(set(words), key=str.lower)


def test_a_word_that_is_not_used_is_found_in_prose_and_in_names_but_not_where_it_is_kept(tmp_path: Path) -> None:
    rules = usage.rules_of(write(tmp_path, "style.md", RULES), usage.WORDS)
    page = write(tmp_path, "page.md", "Tests are dealt out; `deal` is code.\n\nAn ideal.\n")
    assert [word for word, _ in usage.in_prose(lines_of(page), rules)] == ["dealt"]
    module = write(
        tmp_path, "module.py", '"""No deal."""\nNEW_DEAL = "deal"\nfor OldDeal in dealtCards: ideal = NEW_DEAL\n'
    )
    assert [finding.rpartition("/")[2] for _, finding in usage.in_names(module, rules)] == [
        "module.py:2: name `NEW_DEAL`: write scheduler, not deal",
        "module.py:3: name `dealtCards`: write scheduler, not dealt",
    ]
    assert [word for word, _ in usage.in_names(write(tmp_path, "deal.py", ""), rules)] == ["deal"]


def test_words_for_names_and_for_modules_have_tables_of_their_own(tmp_path: Path) -> None:
    style = write(tmp_path, "style.md", RULES)
    words = {heading: usage.rules_of(style, heading)[0].words for heading in (usage.WORDS, usage.NAMES, usage.MODULES)}
    assert words == {"Words": {"deal", "dealt"}, "Names": {"standing"}, "Modules": {"utils"}}


def test_a_page_without_the_table_is_an_error_and_not_a_check_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no table of words under the heading 'Words'"):
        usage.rules_of(write(tmp_path, "style.md", "# Style\n\n## Words\n\nNone.\n"), usage.WORDS)


def test_what_the_page_of_this_tree_forbids_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, str(STYLE), (ROOT / STYLE).read_text(encoding="utf-8"))
    write(tmp_path, str(DICTIONARY), "")
    bad = write(tmp_path, "utils.py", '"""A loan."""\n')
    monkeypatch.chdir(tmp_path)
    found = check_words([bad.relative_to(tmp_path)])
    assert found == ["utils.py:1: write lease, not loan", "utils.py: name the file after what it does, not utils"]


LONG = "word " * 30


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(f"{LONG.strip()}\n", id="a line that is too long"),
        pytest.param("one\ntwo\n", id="a line that is too short"),
        pytest.param(f"- item\n  and more\n- {LONG.strip()}\n", id="items of a list"),
        pytest.param(f"1. {LONG.strip()}\n\n   {LONG.strip()}\n", id="paragraphs of an item"),
        pytest.param(f"{'x' * 118} - {LONG.strip()}\n", id="a dash that would begin a list"),
        pytest.param(f"{'x' * 117} 1. {LONG.strip()}\n", id="a number that would begin a list"),
    ],
)
def test_wrapping_changes_lines_and_never_what_a_page_says(page: str) -> None:
    from markdown_it import MarkdownIt

    def html(text: str) -> list[str]:
        return str(MarkdownIt("commonmark").enable("table").render(text)).split()

    better = wrapping.wrapped(page)
    assert wrapping.badly_wrapped(page)
    assert better != page
    assert html(better) == html(page)
    assert wrapping.badly_wrapped(better) == []
    assert max(map(len, better.splitlines())) <= wrapping.WIDTH + len(" 1.")


def test_code_is_not_broken_over_lines() -> None:
    page = f"{'x' * 110} `hil boards --check` and {'y' * 90} (see ``a ` b``), {LONG}\n"
    assert "`hil boards --check`" in wrapping.wrapped(page)
    assert "``a ` b``" in wrapping.wrapped(page)


@pytest.mark.parametrize(
    "page",
    [
        f"```text\n{LONG}\n```\n",
        f"# {LONG}\n",
        f"| {LONG} |\n|---|\n",
        "> one\n> two\n",
        "one  \ntwo\n",
        "!!! note\n    one\n",
        "::: hil.errors\n    options:\n",
        f"Generated by a program.\n\n{LONG}\n",
    ],
)
def test_what_is_read_line_by_line_stays_as_it_is(page: str) -> None:
    assert wrapping.wrapped(page) == page


def test_the_command_fixes_wrapping_and_returns_1_as_long_as_there_is_something_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    page = write(tmp_path, "page.md", "")
    write(tmp_path, str(STYLE), RULES)
    dictionary = write(tmp_path, str(DICTIONARY), "# ours\nwrng\nidel\n")
    page.write_text("idel\nwrng\n")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "page.md:1: paragraph is not filled to 120 columns" in capsys.readouterr().out
    assert main(["--fix"]) == 0
    assert page.read_text() == "idel wrng\n"
    assert dictionary.read_text() == "# ours\nidel\nwrng\n"


def test_a_missing_aspell_is_said_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.words"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": f"{_git_only(tmp_path)}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "aspell is not installed" in done.stderr
    assert "hil doctor --fix" in done.stderr


def _git_only(folder: Path) -> Path:
    import shutil

    git = shutil.which("git")
    assert git
    (folder / "git").symlink_to(git)
    return folder
