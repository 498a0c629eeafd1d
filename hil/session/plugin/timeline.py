"""Turns labgrid's steps into events of the record, steps of the running test, and stages of the board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record import Stage, Step
from hil.record.step import ago

if TYPE_CHECKING:
    from collections.abc import Callable

    from labgrid.step import StepEvent

    from hil.record import RunWriter

STAGE = "stage"
"""The tag of a strategy's steps that bring the board into a state, their only argument."""
NAME_CHARACTERS = 200
"""How much of a step's name a test keeps; the timeline has all of it."""


def follow_steps(
    run: RunWriter, add: Callable[[Step], None], trace: Callable[[Step], None] | None = None
) -> Callable[[], None]:
    """Pass each step that ends from now on to `run`, `add` and `trace`; returns the function that stops this.

    Steps that only move bytes over a console are left out: the transcripts have them. `add` does not get those that
    the class of their object names in `ACCOUNTED`: the account of the test has them, with their answers.
    """
    from labgrid.step import steps

    def take(event: StepEvent) -> None:
        step = event.step
        if step.tag == "console" or event.data.get("state") != "stop":
            return
        began, duration = ago(step.duration), round(step.duration, 6)
        words = [str(value) for value in (step.args or {}).values()]
        if step.tag == STAGE:
            run.add_stage(Stage(words[0], began, duration, step.exception is None))
            if trace:
                trace(Step(f"stage {words[0]}", began, duration))
            return
        if step.title not in getattr(step.source, "ACCOUNTED", ()):
            told = Step(" ".join((step.title, *words))[:NAME_CHARACTERS], began, duration)
            add(told)
            if trace:
                trace(told)
        details = {"step": step.title, "of": type(step.source).__name__, "seconds": duration}
        if step.args:
            details["args"] = {name: str(value) for name, value in step.args.items()}
        if step.exception:
            details["error"] = str(step.exception).partition("\n")[0]
        run.event("step", **details)

    steps.subscribe(take)

    def stop() -> None:
        steps.unsubscribe(take)

    return stop
