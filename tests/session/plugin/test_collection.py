"""Suites are collected whatever their folder is called; what the user leaves out stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.session.plugin.bench import ARGUMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.plugin.bench import Bench


def _suite(bench: Bench, folder: str) -> Path:
    directory = bench.pytester.path / folder
    directory.mkdir(parents=True)
    (directory / "test_in_folder.py").write_text("def test_it(): pass\n")
    return directory


@pytest.mark.parametrize("name", ["build", "dist", "venv"])
def test_suites_in_a_folder_that_pytest_skips_by_default_are_collected(bench: Bench, name: str) -> None:
    _suite(bench, f"suites/{name}")
    assert bench.run("def test_other(): pass").parseoutcomes() == {"passed": 2}


def test_a_folder_that_is_no_suite_stays_out(bench: Bench) -> None:
    _suite(bench, "build")
    bench.write("def test_other(): pass")
    assert bench.pytester.runpytest_inprocess(*ARGUMENTS, ".").parseoutcomes() == {"passed": 1}


def test_a_virtual_environment_stays_out(bench: Bench) -> None:
    (_suite(bench, "suites/venv") / "pyvenv.cfg").touch()
    assert bench.run("def test_other(): pass").parseoutcomes() == {"passed": 1}


@pytest.mark.parametrize("option", ["--ignore=suites/build", "--ignore-glob=*/build"])
def test_a_folder_that_the_user_leaves_out_stays_out(bench: Bench, option: str) -> None:
    _suite(bench, "suites/build")
    assert bench.run("def test_other(): pass", option).parseoutcomes() == {"passed": 1}


def test_a_configured_norecursedirs_is_obeyed(bench: Bench) -> None:
    bench.pytester.makeini("[pytest]\nnorecursedirs = build\n")
    _suite(bench, "suites/build")
    assert bench.run("def test_other(): pass").parseoutcomes() == {"passed": 1}
