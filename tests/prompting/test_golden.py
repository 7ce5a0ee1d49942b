"""The wording that comes with the project stays as it is, to the letter.

Whoever means to change it runs `python -m tests.prompting.test_golden` and reads the difference.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from embodied import Controller, Observation, Protocol, Reply
from embodied.action_formats.as_tools import ToolsFormat
from embodied.interpreter import Output
from embodied.plugins.registry import controller_class, names
from embodied.prompting import Budget, make_prompt
from embodied.trajectory import Message
from tests.conftest import Switcher

FOLDER = Path(__file__).parent / "golden"
FORMS = ("code", "json", "text", "tools")
WORDINGS = [*((name, form) for name in ("default", "m3") for form in FORMS), ("mint", "code")]
EXAMPLE = (
    Message(role="user", content="Two lights."),
    Message(role="assistant", content="I try.\n<execute>\nwait()\n</execute>"),
    Message(role="user", content="Observation:\nNothing happens."),
)


def shown(robot: type[Controller], conversation: str, form: str) -> str:
    """What a policy is told first, and what of messages without an action."""
    settings = {"conversation": conversation, "action": form}
    texts: list[str] = []
    for examples in ((), (EXAMPLE, EXAMPLE)):
        protocol = Protocol.model_validate({**settings, "examples": examples})
        made = make_prompt(protocol, robot)
        messages = made.initial_messages(
            Observation("Welcome.\n\nA room.\n\nYour task is: light it.")
        )
        texts += [f"[{message.role}]\n{message.content}" for message in messages]
    if form == "tools":
        texts.append(json.dumps(ToolsFormat(robot).tools(), indent=1))
    left = Budget(turns=1, answers=1, steps=7)
    for said in ("Hm.", "<execute>", "Action: jump", '{"name"', "<solution>x</solution>"):
        move = made.parse_reply(Reply(said))
        texts.append(made.frame_observation(made.render_outcome(move, Output(), left), left))
    return "\n----\n".join(texts) + "\n"


def hashes(robot: type[Controller]) -> dict[str, str]:
    texts = {f"{name} {form}": shown(robot, name, form) for name, form in WORDINGS}
    return {key: hashlib.sha256(text.encode()).hexdigest()[:16] for key, text in texts.items()}


@pytest.mark.parametrize(("name", "form"), WORDINGS)
def test_the_wording_is_what_it_was(name: str, form: str) -> None:
    assert shown(Switcher, name, form) == (FOLDER / f"{name}_{form}.txt").read_text()


@pytest.mark.parametrize("robot", names("embodied.controllers"))
def test_the_robots_are_described_as_they_were(robot: str) -> None:
    stored = json.loads((FOLDER / "robots.json").read_text())
    assert hashes(controller_class(robot)) == stored[robot]


if __name__ == "__main__":
    for name, form in WORDINGS:
        (FOLDER / f"{name}_{form}.txt").write_text(shown(Switcher, name, form))
    robots = {name: hashes(controller_class(name)) for name in names("embodied.controllers")}
    (FOLDER / "robots.json").write_text(json.dumps(robots, indent=1) + "\n")
