"""Action formats and prompts of one's own, in one file each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from embodied import (
    ConfigError,
    Controller,
    Observation,
    Outcome,
    Protocol,
    Reply,
    action,
    run_episode,
)
from embodied.action_formats import make_format
from embodied.config.load import load_config
from embodied.prompting import make_prompt, preset
from embodied.runner.plan import resolve
from embodied.testing import Corridor, CorridorRobot
from embodied.testing.scripted import ScriptedLLM

SHOUTED = '''
from dataclasses import replace
from embodied import CodeFormat, Reply
from embodied.prompting.default import DefaultPrompt


class Shouted(CodeFormat):
    """Code of which every line begins with an exclamation mark."""

    phrases = replace(CodeFormat.phrases, instruction="shout:", unreadable="Louder!")

    def example(self):
        return "!wait()"

    def parse(self, reply):
        lines = [line[1:] for line in reply.content.splitlines() if line.startswith("!")]
        return super().parse(Reply("\\n".join(["<execute>", *lines, "</execute>"])))


class Terse(DefaultPrompt):
    """Says next to nothing."""

    preset = {"limits": {"turns": 3}}
    template = "{functions} {form} {turns}"


class Nothing:
    pass
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SHOUTED)
    return tmp_path / "mine.py"


async def test_a_format_in_a_file_is_played(file: Path, task: Any) -> None:
    environment = Corridor(length=2)
    protocol = Protocol(action=f"{file}:Shouted")
    said = ["take_key()", "!take_key()\n!open_door()"]
    policy = ScriptedLLM(said)
    done = await run_episode(task, environment, CorridorRobot(environment), policy, protocol)
    assert done.outcome is Outcome.SUCCESS
    assert "then shout:\n\n!wait()\n\nThe code runs" in done.prompt[0].content
    assert "Louder!\n!wait()" in done.turns[0].observation


def test_a_prompt_in_a_file_is_a_protocol(file: Path) -> None:
    protocol = load_config(None, [{"protocol": f"{file}:Terse"}]).protocol
    assert (protocol.conversation, protocol.limits.turns) == (f"{file}:Terse", 3)
    [system, _] = make_prompt(protocol, CorridorRobot).initial_messages(Observation("Here."))
    assert system.content.endswith("</execute> 3")


def test_a_run_records_the_short_name_and_the_hash_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    environment = {"name": str(Path(__file__).parents[2] / "embodied/testing/corridor.py:Corridor")}
    change = {"environment": environment, "protocol": "mine.py:Terse", "action": "mine.py:Shouted"}
    run = resolve(load_config(None, [change]))
    assert run.config.protocol.action == f"{file}:Shouted"
    recorded = run.protocol
    assert recorded.protocol.action == "mine.py:Shouted"
    assert recorded.protocol.conversation == "mine.py:Terse"
    assert recorded.data["action_file"] == recorded.data["conversation_file"]
    assert len(recorded.data["action_file"]) == 64


def test_what_is_no_format_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no action format; .* from embodied\..*ActionFormat"):
        make_format(f"{file}:Nothing", CorridorRobot)
    with pytest.raises(ConfigError, match=r"is no prompt; .* inherits from embodied\..*Prompt"):
        make_prompt(Protocol(conversation=f"{file}:Nothing"), CorridorRobot)
    with pytest.raises(ConfigError, match=r"no action format 'jsn'; did you mean 'json'"):
        make_format("jsn", CorridorRobot)


async def test_the_plugins_of_the_documentation_work(tmp_path: Path, task: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
    blocks = re.findall(r"```python title=(\S+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == ["shell.py", "terse.py"]
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    change = {"protocol": f"{tmp_path}/terse.py:Terse", "action": f"{tmp_path}/shell.py:Dollars"}
    protocol = load_config(None, [change]).protocol
    assert protocol.limits.turns == 5
    environment = Corridor(length=2)
    policy = ScriptedLLM(["I do.\n$ take_key()\n$ open_door()"])
    done = await run_episode(task, environment, CorridorRobot(environment), policy, protocol)
    assert done.outcome is Outcome.SUCCESS
    assert "To act, write code in lines that begin with $:" in done.prompt[0].content


def test_mint_knows_only_code() -> None:
    config = load_config(None, [{"protocol": "mint"}], ["action=json"])
    with pytest.raises(ConfigError, match="only the action format code"):
        make_prompt(config.protocol, CorridorRobot)


class Arm(Controller):
    """Positions are in metres.

    The table is 0.8 high.
    """

    @action
    def lift(self) -> str:
        """Lift."""
        return "lifted"


class Longer(Arm):
    @action
    def reach(self) -> str:
        """Reach."""
        return "reached"


class Silent(Arm):
    """For developers."""

    introduction = ""


TOLD = "Positions are in metres.\n\nThe table is 0.8 high.\n\n"


@pytest.mark.parametrize("form", ["code", "json", "text", "tools"])
@pytest.mark.parametrize("name", ["default", "m3", "mint"])
def test_what_a_robot_says_of_itself_stands_above_its_functions(name: str, form: str) -> None:
    if name == "mint" and form != "code":
        return
    protocol = preset(name).model_copy(update={"action": form})

    def told(robot: type[Controller]) -> str:
        return make_prompt(protocol, robot).initial_messages(Observation("x"))[0].content

    assert told(Silent) == told(Arm).replace(TOLD, "", 1) != told(Arm)
    before, _, after = told(Longer).partition(TOLD)
    if form != "tools":
        assert "lift" in after
        assert "reach" in after
    assert "Lift." not in before


FUNCTIONS = "You drive.\n{functions}\nAct like this: {form}\nOr write {{}}."


@pytest.mark.parametrize("form", ["code", "json", "text", "tools"])
def test_a_system_prompt_takes_the_place_of_ours(form: str) -> None:
    protocol = Protocol(system_prompt=FUNCTIONS, action=form)
    prompt = make_prompt(protocol, CorridorRobot)
    ours = make_prompt(Protocol(action=form), CorridorRobot)
    messages, own = (p.initial_messages(Observation("Here.")) for p in (prompt, ours))
    assert messages[1:] == own[1:]
    assert messages[0].content.startswith("You drive.\n")
    assert prompt.format.describe_api() in messages[0].content
    assert messages[0].content.endswith("\nOr write {}.")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{function}", "there is no placeholder {function}; there are: {form}, {functions}, "),
        ('{"name": 1}', "a brace of the text itself is written twice"),
        ("{turns!r}", "no placeholder {turns!r}"),
        ("{turns:zz}", "no placeholder {turns:zz}"),
        ("{turns.__class__}", "no placeholder {turns.__class__}"),
        ("{turns", "a brace of the text itself is written twice"),
        ("{}", "no placeholder {}"),
    ],
)
def test_an_unknown_placeholder_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make_prompt(Protocol(system_prompt=f"Use this: {text}"), CorridorRobot)
    assert str(raised.value).startswith("protocol.system_prompt: ")
    assert complaint in str(raised.value)


def test_instructions_that_hold_the_task_must_show_it() -> None:
    protocol = preset("m3").model_copy(update={"system_prompt": "Do it: {functions}"})
    with pytest.raises(ConfigError, match=r"must hold {task}"):
        make_prompt(protocol, CorridorRobot)
    protocol = protocol.model_copy(update={"system_prompt": "Do {task} with {functions}"})
    [message] = make_prompt(protocol, CorridorRobot).initial_messages(Observation("this"))
    assert message.content.startswith("Do this with def go(")


def test_a_bad_system_prompt_is_refused_before_the_run() -> None:
    config = load_config(None, [{"protocol": {"system_prompt": "Use {tools}."}}])
    with pytest.raises(ConfigError, match=r"no placeholder {tools}"):
        resolve(config)


def test_an_answer_is_put_as_m3_has_it() -> None:
    wording = type(make_prompt(preset("m3"), CorridorRobot))
    assert wording.wrap_action("<solution>give up</solution>") == "Answer: give up"
    assert make_prompt(preset("m3"), CorridorRobot).parse_reply(Reply("Answer: x")).answer == "x"
