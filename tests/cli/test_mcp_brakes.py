"""`embodied mcp`: the agent's user approves calls; the robot is stopped before it is closed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from embodied.config.schema import EnvironmentConfig
from embodied.runner.robot_lock import lock_robot
from tests.runner import moving_robot

mcp = pytest.importorskip("mcp", reason="needs: pip install 'embodied-codeact[mcp]'")
stdio = pytest.importorskip("mcp.client.stdio")
types = pytest.importorskip("mcp.types")

SECONDS = 30.0


def words(log: Path, *more: str) -> list[str]:
    stage = f"{moving_robot.__file__}:Stage"
    return ["-m", "embodied", "mcp", "--env", stage, "--environment.options.log", str(log), *more]


def client(log: Path, *more: str, **options: Any) -> Any:
    server = stdio.StdioServerParameters(command=sys.executable, args=words(log, *more))
    return mcp.Client(server, **options)


@pytest.mark.parametrize(
    ("answer", "content", "approved"),
    [
        ("accept", {"approve": True}, True),
        ("accept", {"approve": False}, False),
        ("decline", None, False),
    ],
)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_agents_user_approves_calls(
    tmp_path: Path, mode: str, answer: str, content: dict[str, Any] | None, approved: bool
) -> None:
    asked: list[str] = []

    async def ask(context: Any, request: Any) -> Any:
        asked.append(request.message)
        return types.ElicitResult(action=answer, content=content)

    async with client(tmp_path / "log", mode=mode, elicitation_callback=ask) as agent:
        assert not (await agent.call_tool("move", {"command": "on"})).is_error
        result = await agent.call_tool("grip", {"force": 2})
    assert asked == ["May the robot do this?\ngrip(force=2.0)"]
    assert result.is_error is not approved
    said = "grip 2.0" if approved else "grip(force=2.0) was not approved"
    assert result.content[0].text == said


@pytest.mark.parametrize(
    ("mode", "more", "said"),
    [
        ("auto", (), "client does not ask its user"),
        ("legacy", (), "client does not ask its user"),
        ("auto", ("--runner.approval", "deny"), "was not approved"),
    ],
)
async def test_a_refused_call_is_an_error(
    tmp_path: Path, mode: str, more: tuple[str, ...], said: str
) -> None:
    async with client(tmp_path / "log", *more, mode=mode) as agent:
        result = await agent.call_tool("grip", {"force": 2})
    assert result.is_error
    assert said in result.content[0].text
    assert (tmp_path / "log").read_text().split() == ["reset", "stop", "close"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_server_that_ends_stops_its_robot(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, *words(log)], stdin=-1, stdout=-3) as server:
        until = time.monotonic() + SECONDS
        while not log.exists() or not log.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(1)
        server.send_signal(number)
        server.wait(SECONDS)
    assert log.read_text().split() == ["reset", "stop", "close"]


def test_a_real_robot_is_served_or_run_but_not_both(tmp_path: Path) -> None:
    log = tmp_path / "log"
    stage = f"{moving_robot.__file__}:RealStage"
    lock = lock_robot(EnvironmentConfig(name=stage, options={"log": str(log)}))
    assert lock is not None
    served = [*words(log)[:4], stage, "--environment.options.log", str(log)]
    done = subprocess.run([sys.executable, *served], stdin=-3, capture_output=True, check=False)
    lock.release()
    assert b"in use by another run" in done.stderr
    assert not log.exists()
