"""Whatever models, servers, files and plugins hand over: an announced error, or a result.

Part of `make test-long`, a minute each. `EMBODIED_FUZZ_SECONDS=280 pytest -m long tests/fuzz` takes
an hour.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.domain import UnsupportedGameError
from embodied_envs.alfworld.generate import GeneratorOptions, write_games
from embodied_envs.alfworld.native_game import NativeGame
from hypothesis import strategies as st
from typer.testing import CliRunner

from embodied import (
    Controller,
    DataError,
    InfrastructureError,
    Observation,
    Outcome,
    Protocol,
    Reply,
    RunError,
    StepResult,
    action,
    run_episode,
)
from embodied.cli import app
from embodied.interpreter import Interpreters
from embodied.interpreter.confined.frames import frame
from embodied.interpreter.cpython.framed_socket import FramedSocket, MalformedFrame
from embodied.interpreter.monty import wire
from embodied.limits import EpisodeLimits, Limits
from embodied.llm.chat_api import MalformedResponseError, read_completion, read_models
from embodied.replay.recordings import read_recordings
from embodied.store import RunReader, StoredEpisode
from embodied.testing import Corridor, CorridorRobot, ScriptedLLM
from embodied.trajectory import ToolCall
from tests.fuzz.fuzzing import SECONDS, fuzz, json_values, mutations

pytestmark = [pytest.mark.long, pytest.mark.timeout(SECONDS + 600)]

GOLDEN = Path(__file__).parent.parent / "golden"

PIECES = [
    *("<execute>", "</execute>", "</execute", "<solution>", "</solution>", "<thought>"),
    *("<think>", "</think>", "```python\n", "```json\n", "```", "\n", "\r", "\r\n", " "),
    *("Action: ", "**Action**: ", "Thought: ", "[", "]", "{", "}", '"', "'", ",", ":", "(", ")"),
    *("go('left')", "print(take_key())", "open_door()", 'go "left"', "take_key", "go left"),
    *('{"name": "go", "arguments": {"direction": "left"}}', '[{"name": "take_key"}]', "\\"),
    *("for i in range(9):\n    ", "while True: pass", "x = [x, x]", "def f():\n", "lambda: ", "*"),
    *("'a' * 10**9", "locals()", "exec('", "import os", "f'{", "1e999", "\0", "\ud83d", "\x1b[2J"),
]
messages = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=14).map("".join)
tool_calls = st.lists(
    st.builds(
        ToolCall,
        id=st.text(max_size=5),
        name=st.sampled_from(["go", "take_key", "nothing", ""]) | st.text(max_size=5),
        arguments=json_values.map(json.dumps) | st.text(max_size=20),
    ),
    max_size=3,
)
replies = st.builds(
    lambda content, calls: Reply(content, tool_calls=tuple(calls)), messages, tool_calls
)


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    shared = Interpreters()
    yield shared
    shared.close()


@pytest.mark.parametrize(
    ("prompt", "written"),
    [*(("default", name) for name in ("code", "json", "text", "tools")), ("mint", "code")],
)
def test_messages_of_models(prompt: str, written: str, interpreters: Interpreters) -> None:
    """Every message is scored, and every episode can be stored."""
    rules = Protocol(
        conversation=prompt,
        action=written,
        limits=EpisodeLimits(turns=3, steps=6),
        action_limits=Limits(seconds=1, output_characters=2000),
    )

    def check(said: list[Reply]) -> None:
        environment = Corridor(length=2)
        playing = run_episode(
            Corridor.list_tasks()[0],
            environment,
            CorridorRobot(environment),
            ScriptedLLM(said),
            rules,
            interpreters=interpreters,
        )
        episode = asyncio.run(playing)
        assert episode.outcome is not Outcome.INFRASTRUCTURE_ERROR
        StoredEpisode.of(episode)

    fuzz(st.lists(replies, min_size=1, max_size=3), check)


CALLED = {"name": "go", "arguments": "{}"}
ANSWER = json.dumps(
    {
        "id": "1",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "<think>Hm.</think>I go.",
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "go", "arguments": "{}"},
                        }
                    ],
                },
                "finish_reason": "stop",
                "logprobs": {"content": [{"token": "a", "logprob": -0.5}]},
                "token_ids": [1],
            }
        ],
        "prompt_token_ids": [1, 2],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
).encode()
answers = mutations(ANSWER) | json_values.map(json.dumps).map(str.encode)


def test_answers_of_servers() -> None:
    def check(body: bytes) -> None:
        content = body.decode(errors="replace")
        for tokens in (False, True):
            with suppress(MalformedResponseError):
                read_completion(content, set(), tokens=tokens)
        with suppress(MalformedResponseError):
            read_models(content)

    fuzz(answers, check)


RECORDING = json.dumps(
    {
        "task_id": "1",
        "prompt": "Go.",
        "history": [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": "<execute>go()</execute>"},
            {"role": "user", "content": "Observation:\nGone."},
        ],
        "success": True,
    }
).encode()


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_recordings(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(DataError):
            list(read_recordings(path))

    fuzz(mutations(RECORDING + b"\n" + RECORDING), check)


def test_run_folders(tmp_path: Path) -> None:
    """A damaged run is reported with a sentence or passed over, by the commands as by Python."""
    golden = sorted(GOLDEN.glob("schema-*"))[-1]
    files = sorted(path.relative_to(golden) for path in golden.rglob("*") if path.is_file())
    damaged = st.sampled_from(files).flatmap(
        lambda file: st.tuples(st.just(file), mutations((golden / file).read_bytes()))
    )

    def check(change: tuple[Path, bytes]) -> None:
        file, content = change
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            run = shutil.copytree(golden, Path(folder) / "run")
            (run / file).write_bytes(content)
            with suppress(RunError):
                list(RunReader(run).trajectories())
            result = CliRunner().invoke(app, ["report", str(run), "--json"])
            assert result.exit_code in (0, 1, 2)
            assert result.exception is None or isinstance(result.exception, SystemExit | RunError)

    fuzz(damaged, check)


def test_game_files(tmp_path: Path) -> None:
    (game,) = write_games(tmp_path / "games", 1, 5, GeneratorOptions())
    original = game.read_bytes()
    broken = tmp_path / "broken.tw-pddl"

    def check(content: bytes) -> None:
        broken.write_bytes(content)
        engine = NativeGame()
        with suppress(DataError, UnsupportedGameError):
            engine.load(broken)
            for command in engine.valid_commands()[:3]:
                engine.step(command)

    fuzz(mutations(original), check)


@pytest.mark.parametrize("whole", [True, False])
def test_messages_of_a_restricted_process(whole: bool) -> None:
    """Nothing but the announced errors, and nothing that is built before it was measured."""
    good = wire.give(3, {"a": [1, 2.5, "text", None, True], "b": (1, {2})})

    def check(message: bytes) -> None:
        with suppress(wire.MalformedMessage):
            event = wire.read_event(message, whole)
            with suppress(ValueError, TypeError):
                match event:
                    case wire.Called():
                        event.arguments()
                    case wire.Completed():
                        event.value()

    framed = st.sampled_from([b"\x12", b"\x32", b"\x3a", b"\x0a", b"\x22", b"\x4a"])
    content = mutations(good) | st.binary(max_size=200)
    fuzz(
        st.builds(lambda kind, inner: kind + bytes([len(inner) & 127]) + inner, framed, content),
        check,
    )


def test_frames_of_a_confined_process() -> None:
    good = frame(b"c", b"x" * 20) + frame(b"r", b"{}")

    def check(content: bytes) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(content)
            theirs.shutdown(socket.SHUT_WR)
            frames = FramedSocket(ours)
            with suppress(EOFError, MalformedFrame):
                for _ in range(10):
                    frames.receive({b"c": 64, b"r": 64}, time.monotonic() + 60)
            frames.close()

    fuzz(mutations(good), check)


class Returning(Controller):
    """Returns whatever it is given to return."""

    result: Any = None

    @action
    def act(self) -> Any:
        """Do it."""
        self.send("go left")
        return self.result


class Telling(Corridor):
    """Tells whatever it is given to tell."""

    def __init__(self, told: tuple[Any, ...]) -> None:
        super().__init__(length=2)
        self.told = told

    def step(self, command: str) -> StepResult:
        text, reward, terminated, truncated, info = self.told
        return StepResult(Observation(text), reward, terminated, truncated, info)


anything = json_values | st.sampled_from(
    [object(), {1: 2}, {"a": {3, 4}}, b"\xff", (1, 2), int, Exception("a"), range(3), 1j]
)


@pytest.mark.parametrize("interpreter", ["restricted", "full"])
def test_results_of_plugins(interpreter: str, interpreters: Interpreters) -> None:
    """Nonsense of a plugin is its own fault; all else is stored."""
    rules = Protocol(interpreter=interpreter, limits=EpisodeLimits(turns=2))
    told = st.tuples(
        st.text(max_size=9) | anything,
        st.floats() | anything,
        st.booleans(),
        st.booleans(),
        st.fixed_dictionaries({"success": st.booleans()}) | anything,
    )

    def check(given: tuple[Any, tuple[Any, ...]]) -> None:
        result, telling = given
        environment = Telling(telling)
        robot = Returning(environment)
        robot.result = result
        playing = run_episode(
            Corridor.list_tasks()[0],
            environment,
            robot,
            ScriptedLLM(["<execute>\nx = act()\nprint(x)\nx\n</execute>"]),
            rules,
            interpreters=interpreters,
        )
        with suppress(InfrastructureError):
            StoredEpisode.of(asyncio.run(playing))

    fuzz(st.tuples(anything, told), check)
