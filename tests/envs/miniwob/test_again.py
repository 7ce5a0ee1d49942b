"""An episode does not depend on those before it on the same page."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from embodied_envs.miniwob import tasks

from embodied import Environment, Observation

Start = Callable[[str], Observation]
ROUNDS = 3
COMMANDS = 10
OTHERS = 2
"""Episodes between the two that are compared."""
UNSTEADY = {"daily-calendar", "login-user-popup"}
"""Pages on which the same commands do not always do the same, on fresh pages as well."""


def _command(text: str, draw: random.Random) -> str:
    """Something that a user may do on the page."""
    found = re.findall(r"^\s*\[(\d+)\] (\S+)(.*)$", text, re.MULTILINE) or [("1", "body", "")]
    ref, what, rest = draw.choice(found)
    other = draw.choice(found)[0]
    if what == "select":
        return f"select {ref} " + draw.choice(re.findall(r'"[^"]*"', rest.split("options=")[-1]))
    if what in ("input", "textarea"):
        return f'type {ref} "{draw.choice(["hello", "7", "2020-01-02", "10:30"])}"'
    keys = ("Tab", "Shift+Tab", "Enter", "Space", "a", "ArrowDown", "Control+a", "Control+z")
    return draw.choice(
        [f"click {ref}"] * 6
        + [f"hover {ref}", f"double click {ref}", f"drag {ref} to {other}", f"scroll {ref} 40"]
        + [f"press {draw.choice(keys)}", "wait 1", f"click at {draw.randrange(160)} 120"]
    )


def _play(env: Environment, text: str, seed: str) -> list[str]:
    draw, played = random.Random(seed), [text]
    for _ in range(COMMANDS):
        command = _command(played[-1], draw)
        result = env.step(command)
        played += [command, result.observation.text]
        if result.terminated:
            break
    return played


def _compare(env: Environment, start: Start, kind: str, round_: int) -> None:
    start("click-test/seed-0" if kind != "click-test" else "click-test-2/seed-0")
    name = f"{kind}/seed-{round_}"
    alone = _play(env, start(name).text, name)
    for other in range(OTHERS):
        _play(env, start(f"{kind}/seed-{9 - other}").text, f"{name} {other}")
    assert _play(env, start(name).text, name) == alone, name


@pytest.mark.parametrize(
    "kind",
    ["enter-text", "click-checkboxes-large", "email-inbox", "click-collapsible", "click-pie"],
)
def test_the_second_episode_on_a_page_is_as_on_a_fresh_one(
    env: Environment, start: Start, kind: str
) -> None:
    _compare(env, start, kind, 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", [k for k in tasks.kinds("all") if k not in UNSTEADY])
def test_an_episode_is_the_same_after_others_on_the_same_page(
    env: Environment, start: Start, kind: str
) -> None:
    for round_ in range(ROUNDS):
        _compare(env, start, kind, round_)


def test_a_page_that_was_left_is_loaded_again(env: Environment, start: Start) -> None:
    first = start("click-button/seed-0").text
    env._browser._value("void (location.href = 'about:blank')")  # type: ignore[attr-defined]
    assert start("click-button/seed-0").text == first
