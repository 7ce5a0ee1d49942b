"""What the sessions of one process share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from embodied import ConfigError, make_interpreter
from embodied.interpreter import Interpreters
from embodied.interpreter.cpython.zygote import Zygote
from embodied.interpreter.monty.pool import MontyPool
from tests.conftest import Switcher


@pytest.fixture
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


@pytest.fixture
def _confined() -> None:
    try:
        Zygote().close()
    except ConfigError as error:
        pytest.skip(str(error))


def processes() -> set[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return {process for process in found if process.status() != psutil.STATUS_ZOMBIE}


def test_nothing_starts_before_it_is_needed(robot: Switcher, interpreters: Interpreters) -> None:
    before = processes()
    sessions = [interpreters.session(name, robot) for name in ("restricted", "auto")]
    assert processes() == before
    for session in sessions:
        assert session.run("1 + 1").value == "2"
    assert len(processes() - before) == 1


@pytest.mark.usefixtures("_confined")
def test_sessions_of_all_kinds_share_one_zygote(
    robot: Switcher, interpreters: Interpreters, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    make = Zygote.__init__

    def count(self: Zygote, **options: bool) -> None:
        started.append(self)
        make(self, **options)

    monkeypatch.setattr(Zygote, "__init__", count)
    with interpreters.session("full", robot) as full, interpreters.session("auto", robot) as auto:
        assert full.run("x = 1\nx").value == "1"
        assert auto.run("import numpy\nint(numpy.ones(2).sum())").value == "2"
        assert full.run("x").value == "1"
    assert len(started) == 1


def test_a_session_that_closes_leaves_the_others_alone(
    robot: Switcher, interpreters: Interpreters
) -> None:
    first, second = (interpreters.session("restricted", robot) for _ in range(2))
    second.run("x = 1")
    first.close()
    assert second.run("x").value == "1"


def test_closing_ends_all_processes_for_good(robot: Switcher, interpreters: Interpreters) -> None:
    before = processes()
    session = interpreters.session("restricted", robot)
    session.run("x = 1")
    interpreters.close()
    interpreters.close()
    psutil.wait_procs(processes() - before, timeout=20)
    assert processes() <= before
    with pytest.raises(RuntimeError, match="closed"):
        session.run("x")


def test_sessions_that_begin_in_many_threads_share_one_pool(
    robot: Switcher, interpreters: Interpreters, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[MontyPool] = []
    make, ready = MontyPool.__init__, threading.Barrier(8)

    def count(self: MontyPool, actions: int | None) -> None:
        pools.append(self)
        time.sleep(0.1)
        make(self, actions)

    def begin() -> None:
        ready.wait(20)
        interpreters.session("restricted", robot)

    monkeypatch.setattr(MontyPool, "__init__", count)
    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(pools) == 1


def test_a_session_of_its_own_ends_its_processes(robot: Switcher) -> None:
    before = processes()
    with make_interpreter("restricted", robot) as session:
        session.run("x = 1")
        assert processes() - before
    psutil.wait_procs(processes() - before, timeout=20)
    assert processes() <= before


def test_an_unknown_interpreter_is_an_error_that_names_the_known_ones(
    robot: Switcher, interpreters: Interpreters
) -> None:
    with pytest.raises(ConfigError, match="there are: restricted, full, auto"):
        interpreters.session("fast", robot)
