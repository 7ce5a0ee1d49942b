"""The adventurer's functions, and the way back from commands to calls."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from embodied_controllers.adventurer import Adventurer

from embodied.action_formats import make_format
from embodied.plugins.registry import names
from tests.controllers.echo import Echo

ARGUMENTS = {"direction": "west"}


@pytest.fixture
def robot() -> Adventurer:
    return Adventurer(Echo())


def calls() -> list[tuple[str, dict[str, str]]]:
    """Yield a call of every function, with and without what may be left out."""
    found = []
    for name, spec in Adventurer.actions().items():
        parameters = spec.signature.parameters.values()
        names = [p.name for p in parameters]
        needed = [p.name for p in parameters if p.default is inspect.Parameter.empty]
        for chosen in {tuple(needed), tuple(names)}:
            found.append((name, {n: ARGUMENTS.get(n, f"red {n}") for n in chosen}))
    return found


@pytest.mark.parametrize(("name", "arguments"), calls())
def test_every_call_can_be_told_from_its_command(
    robot: Adventurer, name: str, arguments: dict[str, str]
) -> None:
    command = robot.call(name, kwargs=arguments)
    assert Adventurer.command_call(command) == (name, arguments)


def test_all_commands_of_textworlds_grammars_are_known() -> None:
    data = pytest.importorskip("textworld.generator.data", reason="needs the extra textworld")
    from textworld.challenges.tw_cooking import cooking

    def base(logic: str) -> Any:
        return data.KnowledgeBase.load(logic_path=logic, grammar_path=cooking.KB_GRAMMAR_PATH)

    bases = [data.KnowledgeBase.load()]
    bases += [base(logic) for logic in (cooking.KB_LOGIC_PATH, cooking.KB_LOGIC_DROP_PATH)]
    templates = {template for base in bases for template in base.inform7_commands.values()}
    for template in templates:
        Adventurer.command_call(re.sub(r"{\w+}", "half of a bag of chips", template))
    assert len(templates) > 25


def test_a_command_that_nobody_sends() -> None:
    with pytest.raises(ValueError, match="does not know a call that sends 'fly away'"):
        Adventurer.command_call("fly away")


@pytest.mark.parametrize("name", ["", " ", "key. save", "key\nsave", "key, save", "\\help"])
def test_what_is_no_name(robot: Adventurer, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name such as"):
        robot.take(name)
    assert robot.steps == []


@pytest.mark.parametrize("form", names("embodied.action_formats"))
def test_every_action_format_can_be_derived(form: str) -> None:
    document = make_format(form, Adventurer).describe_api()
    if form == "tools":
        return
    assert "old key" in document and "prepare_meal" in document


def test_the_status_line_and_the_prompt_are_left_out() -> None:
    text = f"\nYou eat it.\n\n\nYour score has gone up.\n\n\n>{' ' * 128}-= Living Room =-0/6"
    assert Adventurer(Echo(text)).eat("meal") == "You eat it.\n\nYour score has gone up."
