"""One thread for all of a robot; stopped before it is closed, whatever ends an episode."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Message, Outcome, RunError
from embodied.cli.run import INFRASTRUCTURE_ERRORS_EXIT_CODE
from embodied.config.schema import EnvironmentConfig
from embodied.runner import env_slot
from embodied.runner.robot_lock import is_physical, lock_robot
from tests.runner import moving_robot

FILE = moving_robot.__file__
SECONDS = 60.0


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.long)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def play(
    log: Path,
    code: str,
    *,
    tasks: int = 1,
    env: str = "Stage",
    robot: str = "",
    seconds: float = 1,
    **settings: Any,
) -> embodied.Run:
    def policy(messages: list[Message]) -> str | None:
        first = not any(message.role == "assistant" for message in messages)
        return f"<execute>{code}</execute>" if first else None

    protocol = {
        "controller": f"{FILE}:{robot}" if robot else None,
        "action_limits": {"seconds": seconds},
    }
    config: dict[str, Any] = {
        "environment": {"name": f"{FILE}:{env}", "options": {"log": str(log)}},
        "tasks": {"limit": tasks},
        "protocol": protocol,
        "runner": {"kind": "local", "workers": 1, "retries": 0, **settings},
        "out": str(log.parent / "run"),
    }
    if config["runner"]["kind"] == "local":
        return embodied.run(config, policy=policy, progress=False)
    config["policy"] = f"{policy_file(log, code)}:play"
    (log.parent / "run.yaml").write_text(json.dumps(config))
    words = [sys.executable, "-m", "embodied", "run", str(log.parent / "run.yaml")]
    typed = sys.stdin if isinstance(sys.stdin, TextIOWrapper) else None
    done = subprocess.run(words, stdin=typed, check=False)
    assert done.returncode in (0, INFRASTRUCTURE_ERRORS_EXIT_CODE)
    return embodied.open_run(log.parent / "run")


def policy_file(log: Path, code: str) -> Path:
    """A policy that says one action, and gives up."""
    file = log.parent / "policy.py"
    file.write_text(
        f"""
def play(messages):
    first = not any(message.role == "assistant" for message in messages)
    return {f"<execute>{code}</execute>"!r} if first else None
"""
    )
    return file


def words(log: Path) -> list[str]:
    return log.read_text().split()


def ends(run: embodied.Run) -> list[Outcome]:
    return [episode.outcome for episode in run.trajectories()]


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_what_is_bound_to_its_thread_is_used_in_no_other(kind: str, log: Path) -> None:
    run = play(log, "move('on')\nmove('end')", tasks=48, kind=kind, workers=2, seconds=30)
    assert ends(run) == [Outcome.SUCCESS] * 48
    assert words(log).count("stop") == 48


def test_a_robot_with_async_actions_lives_on_one_loop(kind: str, log: Path) -> None:
    run = play(log, "move(0.01)\nend()", tasks=8, kind=kind, robot="Cell", seconds=30)
    assert ends(run) == [Outcome.SUCCESS] * 8
    assert len({word for word in words(log) if word.isdigit()}) == 1


@pytest.mark.parametrize("robot", ["Mover", "Cell"])
def test_robots_that_wait_do_so_side_by_side_in_one_worker(log: Path, robot: str) -> None:
    count = moving_robot.TOGETHER
    run = play(log, "meet()", tasks=count, robot=robot, episodes_per_worker=count, retries=3)
    assert ends(run) == [Outcome.SUCCESS] * count


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("move('on')\nmove('end')", ["on", "end"]),
        ("move('on')\nmove('fail')", ["on", "fail"]),
        ("move('on')\nwhile True: pass", ["on"]),
        ("jam()", ["jam"]),
        ("move('on')\n1 / 0", ["on"]),
    ],
    ids=["success", "environment", "limit", "timeout", "error"],
)
def test_a_robot_is_stopped_and_then_closed(
    kind: str, log: Path, code: str, said: list[str]
) -> None:
    play(log, code, kind=kind)
    assert words(log) == ["reset", *said, "stop", "close"]


def test_an_awaited_action_is_cancelled_before_the_robot_is_stopped(log: Path, kind: str) -> None:
    run = play(log, "jam()", robot="Cell", kind=kind)
    assert words(log) == ["reset", "move", "cancelled", "stop", "close"]
    said = "jam() took longer than 0.1 s; it was broken off, and the robot stopped"
    assert said in next(iter(run.trajectories())).turns[0].observation


@pytest.mark.parametrize(("robot", "code"), [("", "hang(2)"), ("Cell", "move(20)")])
def test_an_episode_that_hangs_is_stopped_and_closed(
    kind: str, log: Path, robot: str, code: str
) -> None:
    run = play(log, code, robot=robot, kind=kind, episode_seconds=1)
    assert ends(run) == [Outcome.INFRASTRUCTURE_ERROR]
    moved = ["move", "cancelled"] if robot else ["hang"]
    assert words(log) == ["reset", *moved, "stop", "close"]


def test_a_hung_robot_is_stopped_from_another_thread(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_slot, "CALL_SECONDS", 0.1)
    play(log, "hang(4)\nmove('on')", episode_seconds=1)
    assert words(log)[:3] == ["reset", "hang", "stop"]
    time.sleep(3)
    assert "on" not in words(log)


def command(log: Path, kind: str, robot: str, code: str) -> list[str]:
    words = [sys.executable, "-m", "embodied", "run", "--env", f"{FILE}:Stage"]
    words += [
        "--policy",
        f"{policy_file(log, code)}:play",
        "--protocol.controller",
        f"{FILE}:{robot}",
    ]
    words += ["--runner.kind", kind, "--runner.workers", "1", "--out", str(log.parent / "run")]
    return [*words, "--set", f"environment.options.log={log}", "--tasks.limit", "1"]


@pytest.mark.faults
def test_a_run_that_asks_can_be_interrupted(kind: str, log: Path) -> None:
    process = subprocess.Popen(
        command(log, kind, "Mover", "grip(1)"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    with process:
        assert any("day-0#0: grip(force=1.0)" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(SECONDS) == 130
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert words(log) == ["reset", "stop", "close"]


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("robot", ["Mover", "Cell"])
def test_an_interrupted_run_stops_its_robots(
    kind: str, log: Path, robot: str, number: signal.Signals
) -> None:
    code = "hang(2)" if robot == "Mover" else "move(30)"
    process = subprocess.Popen(command(log, kind, robot, code), start_new_session=True)
    until = time.monotonic() + SECONDS
    while not log.exists() or len(words(log)) < 2:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    try:
        process.wait(SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    moved = ["hang"] if robot == "Mover" else ["move", "cancelled"]
    assert words(log) == ["reset", *moved, "stop", "close"]


def test_a_real_robot_does_nothing_again_by_itself(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="is not started again by itself"):
        play(log, "move('fail')", env="RealStage", tasks=3, retries=3)
    assert words(log) == ["reset", "fail", "stop", "close"]
    read, write = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(read))
    os.write(write, b"n\n")
    with pytest.raises(RunError, match="left as it is"):
        play(log, "move('end')", env="RealStage", tasks=3)
    os.write(write, b"y\n")
    assert ends(play(log, "move('end')", env="RealStage", tasks=3)) == [Outcome.SUCCESS] * 3
    assert words(log).count("reset") == 4


def test_a_real_robot_plays_one_episode_at_a_time(log: Path) -> None:
    play(log, "move('on')\nmove('end')", env="RealStage", tasks=6, workers=4)
    assert words(log) == ["reset", "on", "end", "stop"] * 6 + ["close"]


def test_two_runs_do_not_share_a_real_robot(log: Path) -> None:
    lock = lock_robot(stage(log, "RealStage"))
    assert lock is not None
    with pytest.raises(ConfigError, match="in use by another run"):
        play(log, "move('end')", env="RealStage")
    another = lock_robot(stage(log.parent / "another robot", "RealStage"))
    assert another is not None
    another.release()
    lock.release()
    again = lock_robot(stage(log, "RealStage"))
    assert again is not None
    again.release()


def stage(log: Path, env: str, **settings: Any) -> EnvironmentConfig:
    return EnvironmentConfig(name=f"{FILE}:{env}", options={"log": str(log)}, **settings)


@pytest.mark.parametrize(
    ("settings", "real"),
    [
        ({"name": "mcp:http://127.0.0.1:9/mcp"}, True),
        ({"name": "mcp:http://127.0.0.1:9/mcp", "physical": False}, False),
        ({"name": "mcp:python server.py"}, False),
        ({"name": "mcp:python server.py", "physical": True}, True),
        ({"name": f"{FILE}:Stage"}, False),
        ({"name": f"{FILE}:Stage", "physical": True}, True),
        ({"name": f"{FILE}:RealStage"}, True),
    ],
)
def test_a_setting_says_what_is_real(settings: dict[str, Any], real: bool) -> None:
    assert is_physical(EnvironmentConfig(**settings)) is real


def test_a_url_is_one_robot_whatever_it_is_to_do() -> None:
    url = "mcp:http://127.0.0.1:9/mcp"
    lock = lock_robot(EnvironmentConfig(name=url, options={"instruction": "Lift it."}))
    assert lock is not None
    with pytest.raises(ConfigError, match="in use"):
        lock_robot(EnvironmentConfig(name=url, options={"instruction": "Drop it."}))
    lock.release()


def test_what_a_setting_calls_real_is_not_played_again(log: Path) -> None:
    settings = {"physical": True, "name": f"{FILE}:Stage", "options": {"log": str(log)}}
    config = {"environment": settings, "runner": {"kind": "local", "workers": 3, "retries": 3}}
    with pytest.raises(RunError):
        embodied.run(
            {**config, "tasks": {"limit": 2}, "out": str(log.parent / "run")},
            policy=lambda messages: "<execute>move('fail')</execute>",
            progress=False,
        )
    assert words(log).count("reset") == 1


def approved(run: embodied.Run) -> tuple[Any, Any]:
    [episode] = run.trajectories()
    call = episode.calls[0]
    return call.approval, call.error


def test_calls_may_be_allowed_or_denied(log: Path) -> None:
    approval, error = approved(play(log, "grip(1)", approval="allow"))
    assert (approval.approved, approval.by, error) == (True, "allow", None)


def test_a_refusal_is_an_error_that_the_policy_reads(log: Path) -> None:
    run = play(
        log, "try:\n    grip(1)\nexcept PermissionError as e:\n    print(e)", approval="deny"
    )
    approval, error = approved(run)
    assert (approval.approved, approval.by) == (False, "deny")
    assert error.type == "NotApprovedError"
    [episode] = run.trajectories()
    assert "grip(force=1.0) was not approved" in episode.turns[0].observation
    assert "grip" not in log.read_text()


RULE = """
def rule(call):
    if call.name == "move" and call.arguments["command"] == "off":
        return "deny: it is to stay on"
    return "ask" if call.confirm else "allow"

def wrong(call):
    return True
"""


def test_a_rule_judges_every_call(log: Path) -> None:
    rule = log.parent / "rules.py"
    rule.write_text(RULE)
    approval, error = approved(play(log, "move('off')", approval=f"{rule}:rule"))
    assert (approval.approved, approval.by) == (False, "rule")
    assert error.message == "move(command='off') was not approved: it is to stay on"


def test_a_rule_that_says_something_else(log: Path) -> None:
    rule = log.parent / "rules.py"
    rule.write_text(RULE)
    with pytest.raises(ConfigError, match=r"the rule .*:wrong returned True for move"):
        play(log, "move('off')", approval=f"{rule}:wrong")


@pytest.mark.parametrize("setting", ["alow", "rules.py", "rules.py:nothing"])
def test_an_approval_that_there_is_not(log: Path, setting: str) -> None:
    (log.parent / "rules.py").write_text(RULE)
    setting = setting.replace("rules.py", str(log.parent / "rules.py"))
    with pytest.raises(ConfigError, match=r"alow|nothing|name of the"):
        play(log, "move('off')", approval=setting)


@pytest.mark.parametrize(
    ("answer", "said"), [("y", None), ("n", ""), ("", ""), ("too hard", ": too hard")]
)
def test_a_person_at_the_terminal_approves(
    kind: str, log: Path, answer: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(read))
    os.write(write, f"{answer}\n".encode())
    approval, error = approved(play(log, "grip(1)", kind=kind))
    assert (approval.approved, approval.by) == (said is None, "terminal")
    message = None if said is None else f"grip(force=1.0) was not approved{said}"
    assert (error and error.message) == message


def test_where_nobody_can_be_asked_the_run_ends(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ConfigError, match="standard input has ended"):
        play(log, "grip(1)")
    assert words(log) == ["reset", "stop", "close"]
