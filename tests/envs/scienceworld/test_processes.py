"""No Java process outlives the one that started it, however that ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

import embodied
from embodied import Environment
from embodied.errors import InfrastructureError
from tests.envs.scienceworld.conftest import variation

pytestmark = pytest.mark.usefixtures("java")

PATIENCE_SECONDS = 20.0

PLAYER = """
import sys, embodied
from tests.envs.scienceworld.conftest import variation

environment = embodied.make_environment("scienceworld")
environment.reset(variation("boil", 21))
if sys.argv[1] == "session":
    robot = embodied.make_controller("laboratory", environment)
    session = embodied.make_interpreter("full", robot)
    session.run("x = 1")
print("ready", flush=True)
while sys.argv[1] == "stepping":
    environment.step("wait")
sys.stdin.readline()
"""


def java_below(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if "java" in child.name()]


@pytest.mark.parametrize("state", ["idle", "stepping", "session"])
def test_nothing_is_left_of_a_killed_process(state: str) -> None:
    if state == "session" and sys.platform != "linux":
        pytest.skip("the interpreter full needs Linux")
    player = subprocess.Popen(
        [sys.executable, "-c", PLAYER, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert player.stdin is not None and player.stdout is not None
    assert player.stdout.readline() == b"ready\n"
    running = java_below(psutil.Process(player.pid))
    assert len(running) == 1
    os.kill(player.pid, signal.SIGKILL)
    player.communicate()
    _, alive = psutil.wait_procs(running, timeout=PATIENCE_SECONDS)
    assert not alive


def started() -> tuple[Environment, psutil.Process]:
    """Return an environment in a task, and its Java process."""
    others = java_below(psutil.Process())
    environment = embodied.make_environment("scienceworld")
    environment.reset(variation("boil", 21))
    (mine,) = [process for process in java_below(psutil.Process()) if process not in others]
    return environment, mine


def test_java_is_reused_from_task_to_task_and_ends_with_close() -> None:
    environment, java = started()
    before = java_below(psutil.Process())
    environment.reset(variation("freeze", 21))
    assert java_below(psutil.Process()) == before
    environment.close()
    assert not java.is_running()


def test_nothing_calls_a_java_that_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    """Not even the garbage collector, for objects of Java that it finds afterwards."""
    environment, _ = started()
    environment.close()
    del environment
    gc.collect()
    assert caplog.records == []


def test_a_dead_java_is_an_infrastructure_error_and_replaced() -> None:
    environment, java = started()
    java.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    with pytest.raises(InfrastructureError):
        while time.monotonic() < deadline:
            environment.step("look around")
    assert "boil lead" in environment.reset(variation("boil", 21)).text
    environment.close()


def test_it_listens_on_the_loopback_interface_only() -> None:
    environment, java = started()
    listening = [c.laddr.ip for c in java.net_connections() if c.status == psutil.CONN_LISTEN]
    environment.close()
    assert len(listening) == 1
    assert listening[0].removeprefix("::ffff:") == "127.0.0.1"
