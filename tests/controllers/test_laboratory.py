"""The laboratory robot: one function for each action of the simulator."""

from __future__ import annotations

import shutil

import pytest
from embodied_controllers.laboratory import Laboratory

from embodied.testing import check_controller
from tests.conftest import LightSwitch

COMMANDS = [
    "look around",
    "look at substance in metal pot",
    "look in cupboard",
    "inventory",
    "task",
    "go to door to kitchen",
    "teleport to art studio",
    "open door to kitchen",
    "close freezer",
    "pick up cup containing nothing in table",
    "put down metal pot in inventory",
    "move instructions to make salt water to red box",
    "pour cup containing blue paint in jug into sink",
    "dunk cup containing orange juice into bowl",
    "mix cup containing red paint and violet paint",
    "activate stove",
    "deactivate sink",
    "use thermometer in inventory on substance on hot plate",
    "connect terminal 1 on red wire to anode in battery",
    "disconnect red wire",
    "read recipe in inventory",
    "eat orange in bowl",
    "flush toilet",
    "focus on egg turtle egg",
    "wait",
    "wait1",
    "0",
    "12",
    "reset task",
]


class Echo(Laboratory):
    """A robot whose simulator is its own command."""

    def send(self, command: str) -> str:
        return command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_call_that_sends_it(command: str) -> None:
    name, arguments = Laboratory.command_call(command)
    assert Echo(LightSwitch()).call(name, kwargs=arguments) == command


def test_every_function_has_a_command() -> None:
    called = {Laboratory.command_call(command)[0] for command in COMMANDS}
    assert called == set(Laboratory.actions())


@pytest.mark.parametrize("command", ["", "sing", "open", "01", "move pot", "9999999"])
def test_what_no_function_sends_is_refused(command: str) -> None:
    with pytest.raises(ValueError, match="does not know"):
        Laboratory.command_call(command)


def test_keeps_the_rules_of_controllers() -> None:
    check_controller("laboratory")


@pytest.mark.long
def test_keeps_the_rules_of_controllers_in_the_simulator() -> None:
    pytest.importorskip(
        "scienceworld", reason="needs: pip install 'embodied-codeact[scienceworld]'"
    )
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt-get install default-jre-headless")
    check_controller("laboratory", "scienceworld", task="lifespan-longest-lived/variation-100")
