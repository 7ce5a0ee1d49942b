"""`embodied mcp`: an agent with the official client drives a robot by tool calls."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from embodied import StepResult, list_tasks, make_controller, make_environment
from embodied.mcp_server.robot import HostedRobot
from embodied.plugins.registry import environment_class
from embodied.testing import Corridor, CorridorRobot

mcp = pytest.importorskip("mcp", reason="needs: pip install 'embodied-codeact[mcp]'")
pytest.importorskip("alfworld", reason="needs: pip install 'embodied-codeact[alfworld]'")
stdio = pytest.importorskip("mcp.client.stdio")

SERVE = ["-m", "embodied", "mcp"]
PRINTING = """
import os, subprocess
print("the module prints")
from embodied import Observation, action
from embodied.environment import Attachment
from embodied.testing import Corridor, CorridorRobot


class Noisy(Corridor):
    default_controller = ":Pusher"

    def __init__(self):
        print("making")
        super().__init__(length=1)

    def reset(self, task, seed=None):
        seen = super().reset(task, seed)
        if seed == 0:  # the first task begins with the key in hand
            seen = super().step("take key").observation
        return Observation(seen.text, (Attachment("door", "image/png", b"png"),))

    def step(self, command):
        print("a step")
        os.write(1, b"from the simulator's library")
        subprocess.run(["echo", "from a child process"])
        assert subprocess.run(["cat"], stdout=subprocess.PIPE).stdout == b""
        if command == "break":
            raise OSError("the lock is broken")
        return super().step(command)

    def close(self):
        print("closing")


class Pusher(CorridorRobot):
    \"\"\"Doors open with a force of 1 or more.\"\"\"

    @action
    def push(self, force: float = 1.0) -> dict[str, float]:
        \"\"\"Push the door open.\"\"\"
        if force > 10:
            raise ValueError("too hard; 10 is the most")
        self.send("open door")
        return {"force": force}

    @action
    def break_lock(self) -> str:
        \"\"\"Break the simulator.\"\"\"
        return self.send("break")
"""
OPENING = """\
Open the door at the right end. It is locked.
You are in cell 1 of 1. There is a key. There is a locked door."""


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 2, 0)
    return folder


@pytest.fixture
def noisy(tmp_path: Path) -> str:
    file = tmp_path / "noisy.py"
    file.write_text(PRINTING)
    return f"{file}:Noisy"


def client(*words: str | Path) -> Any:
    return mcp.Client(
        stdio.StdioServerParameters(command=sys.executable, args=[*SERVE, *map(str, words)])
    )


def text(result: Any) -> str:
    said = result.content[0].text
    assert result.structured_content["text"] == said
    return str(said)


def solution(data: Path) -> tuple[str, list[tuple[str, Mapping[str, str]]]]:
    """A task, and calls that solve it."""
    task = list_tasks("alfworld", split="train", data=str(data))[-1]
    environment = make_environment("alfworld", data=str(data))
    environment.reset(task)
    robot = make_controller("household", environment)
    return task.id, [robot.command_call(command) for command in environment.plan()]


async def test_a_game_is_solved_by_tool_calls(games: Path) -> None:
    task, calls = solution(games)
    words = ("household", "--env", "alfworld", "--split", "train", "--task", task)
    async with client(*words, "--environment.options.data", games) as agent:
        assert "Your task is to" in agent.instructions
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert {"goto", "take_from", "put", "start_episode"} <= tools.keys()
        assert tools["goto"].input_schema["required"] == ["receptacle"]
        assert "receptacle" in tools["goto"].description
        opening = (await agent.read_resource("embodied://task")).contents[0].text
        assert "Your task is to" in opening
        for name, arguments in calls:
            result = await agent.call_tool(name, arguments)
            assert not result.is_error, text(result)
    status = result.structured_content
    assert (status["task"], status["success"], status["running"]) == (task, True, False)
    assert status["steps"] == len(calls)
    assert text(result).endswith(f"The episode is over: the task is solved, in {len(calls)} steps.")


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


async def test_agents_are_told_what_the_robot_says_of_itself(noisy: str) -> None:
    async with client("--env", noisy) as agent:
        said = "begins it anew.\n\nDoors open with a force of 1 or more.\n\nYou are in cell"
        assert said in agent.instructions


async def test_mistakes_are_answered_with_a_sentence(noisy: str) -> None:
    async with client("--env", noisy) as agent:
        for name, arguments, said in (
            ("push", {"force": 11}, "too hard; 10 is the most"),
            ("push", {"force": "very"}, "force cannot be 'very'"),
            ("push", {"times": 3}, "got an unexpected keyword argument 'times'"),
            ("push", {"force": nested(150)}, "nested deeper than 100"),
            ("push", {"force": "x" * 60_000}, "is longer than 50000 characters"),
            ("fly", {}, "there is no action 'fly'"),
            ("close", {}, "there is no action 'close'"),
            ("start_episode", {"task": "corridor-9"}, "there is no task 'corridor-9'"),
        ):
            result = await agent.call_tool(name, arguments)
            assert result.is_error
            assert said in text(result)
            assert result.structured_content["steps"] == 0
        with pytest.raises(mcp.MCPError, match="there are only the resources"):
            await agent.read_resource("embodied://secret")


async def test_episodes_begin_and_end(noisy: str) -> None:
    async with client("--env", noisy, "--protocol.limits.steps", "1") as agent:
        done = await agent.call_tool("push", {})
        assert text(done).startswith('{"force": 1.0}\nThe episode is over: the task is solved')
        late = await agent.call_tool("push", {})
        assert late.is_error
        assert "start_episode begins it anew" in text(late)
        began = await agent.call_tool("start_episode", {"task": "corridor-1"})
        assert text(began) == f"{OPENING}\nIt may take 1 steps."
        assert began.content[1].mime_type == "image/png"
        assert "the task is not solved after 1 step." in text(await agent.call_tool("push", {}))
        opening = (await agent.read_resource("embodied://task")).contents[0].text
        assert OPENING in opening
        assert "corridor-0" in (await agent.read_resource("embodied://tasks")).contents[0].text


async def test_a_simulator_that_fails_is_made_anew(noisy: str) -> None:
    async with client("--env", noisy, "--task", "corridor-1") as agent:
        broken = await agent.call_tool("break_lock", {})
        assert broken.is_error
        assert "the lock is broken" in text(broken)
        assert (await agent.call_tool("push", {})).is_error
        assert not (await agent.call_tool("start_episode", {})).is_error
        await agent.call_tool("take_key", {})
        assert (await agent.call_tool("push", {})).structured_content["success"]


async def test_agents_on_this_machine_may_come_over_http(noisy: str) -> None:
    words = [sys.executable, *SERVE, "--env", noisy, "--http", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            said = next(line for line in server.stderr if "listening at" in line)
            address = said.rpartition(" ")[2].strip()
            async with mcp.Client(address) as agent:
                assert (await agent.call_tool("push", {})).structured_content["success"]
            port = address.rpartition(":")[2].removesuffix("/mcp")
            words[-1] = port
            taken = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
            assert taken.returncode == 2
            assert f"port {port}" in taken.stderr
        finally:
            server.terminate()


@pytest.mark.parametrize("number", [0, signal.SIGTERM])
def test_it_ends_with_its_input_or_by_a_signal(noisy: str, number: int) -> None:
    """And prints nothing but the protocol, whatever the simulator prints."""
    client = {"name": "test", "version": "1"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    words = [sys.executable, *SERVE, "--env", noisy]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as server:  # type: ignore[call-overload]
        for method, params in (("initialize", hello), ("tools/call", {"name": "push"})):
            ask = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
            server.stdin.write(f"{json.dumps(ask)}\n".encode())
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())["result"]
        assert "the task is solved" in answer["content"][0]["text"]
        if number:
            server.send_signal(number)
        else:
            server.stdin.close()
        assert server.wait(30) == (128 + number if number else 0)
        assert server.stdout.read() == b""


def test_it_ends_with_a_request_without_end(noisy: str) -> None:
    done = subprocess.run(
        [sys.executable, *SERVE, "--env", noisy],
        input=b"[" * 5 * 1024**2,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"longer than 4,194,304 characters" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "nowhere"], "there is no environment 'nowhere'"),
        (["--task", "9"], "there is no task '9'; there are: corridor-0, corridor-1"),
    ],
)
def test_what_cannot_be_served_is_refused(noisy: str, words: list[str], said: str) -> None:
    words = words if "--env" in words else ["--env", noisy, *words]
    done = subprocess.run(
        [sys.executable, *SERVE, *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Corridor):
        def step(self, command: str) -> StepResult:
            raise KeyError("port")

    task = Corridor.list_tasks()[0]
    robot = HostedRobot(lambda: CorridorRobot(Broken()), {task.id: task}, task.id, None, 0)
    result = robot.call("go", {"direction": "left"})
    assert result.refused
    assert "broke off: Broken.step('go left') failed: KeyError('port') (in step, " in result.text
    assert 'raise KeyError("port")' in caplog.text
