"""How a run ends, whatever ends it: one sentence, the documented exit code, nothing left running.

The rows are those of the table in docs/security.md. After each the run can be read and resumed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embodied.plugins.registry import environment_class
from embodied.simulated_llm import ServerProcess
from tests.faults.runs import EMBODIED, carrying, finished, report, results

pytestmark = pytest.mark.faults

TASKS, SAMPLES = 2, 6
_MARK = "EMBODIED_TEST_RUN"
_LEAVING_SECONDS = 30.0


@dataclass(frozen=True)
class Place:
    """Tasks and a server, for runs that take some seconds."""

    games: Path
    server: str

    def words(self, out: Path, *more: str) -> list[str]:
        """The command of a run. Later words win."""
        return [
            *(*EMBODIED, "run", "--env", "alfworld", "--split", "train", "--out", str(out)),
            *("--set", f"environment.options.data={self.games}", "--tasks.samples", str(SAMPLES)),
            *("--policy", "llm", "--llm.model", "simulated", "--llm.base_url", self.server),
            *("--llm.seed", "1", "--runner.kind", "local", "--interpreter", "full"),
            *("--runner.workers", "2", "--runner.episodes_per_worker", "2"),
            *more,
        ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    games = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(games, TASKS, 7)
    with ServerProcess("--prefill-rate", "inf", "--decode-rate", "150") as server:
        yield Place(games, server.base_url)


@contextmanager
def begun(words: list[str], **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """A command, under way. Whatever it has started must be gone soon after its end."""
    mark = uuid.uuid4().hex
    settings.setdefault("stdout", subprocess.PIPE)
    settings.setdefault("stderr", subprocess.PIPE)
    variables = settings.pop("env", dict(os.environ)) | {_MARK: mark}
    with subprocess.Popen(words, text=True, env=variables, **settings) as process:
        try:
            yield process
        finally:
            process.kill()
    until = time.monotonic() + _LEAVING_SECONDS
    while (left := carrying(_MARK, mark)) and time.monotonic() < until:
        time.sleep(0.2)
    assert left == [], "processes of the run are left"


def wait_for_first(out: Path, process: subprocess.Popen[str]) -> None:
    while not finished(out):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def ended(process: subprocess.Popen[str], code: int) -> str:
    """The last line that a command says on standard error, at its end."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == code, said
    assert "Traceback" not in said, said
    return said.splitlines()[-1] if said else ""


def resumed(out: Path) -> None:
    """Read the run, and finish it."""
    before = len(finished(out))
    assert report(out)["episodes"] == before
    with begun([*EMBODIED, "resume", str(out)]) as process:
        ended(process, 0)
    assert len(results(out)) == TASKS * SAMPLES


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]


@pytest.fixture(scope="module", autouse=True)
def heeded() -> None:
    """Heed the signals also where a shell started the tests in the background, without them."""
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_it(place: Place, tmp_path: Path, number: signal.Signals, times: int) -> None:
    out = tmp_path / "run"
    with begun(place.words(out)) as process:
        wait_for_first(out, process)
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.1)
        said = ended(process, 130)
    assert said in (f"interrupted; finish the run with: embodied resume {out}", "interrupted")
    assert times > 1 or said != "interrupted"
    resumed(out)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_it_on_ray(place: Place, tmp_path: Path, number: signal.Signals) -> None:
    pytest.importorskip("ray", reason="needs ray: pip install 'embodied-codeact[ray]'")
    out = tmp_path / "run"
    with begun(place.words(out, "--runner.kind", "ray")) as process:
        wait_for_first(out, process)
        for _ in range(2):
            process.send_signal(number)
            time.sleep(0.5)
        said = ended(process, 130)
    assert said.startswith("interrupted")
    resumed(out)


def test_a_signal_that_is_ignored_does_not_end_it(place: Place, tmp_path: Path) -> None:
    """As with `nohup`, or in the background of a shell."""
    out = tmp_path / "run"
    words = ["/bin/sh", "-c", 'trap "" HUP QUIT INT; exec "$@"', "sh", *place.words(out)]
    with begun(words) as process:
        wait_for_first(out, process)
        for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
            process.send_signal(number)
        ended(process, 0)
    assert len(results(out)) == TASKS * SAMPLES


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_end_it(place: Place, tmp_path: Path, streams: str) -> None:
    out = tmp_path / "run"
    words = ["/bin/sh", "-c", f'exec "$@" {streams}', "sh", *place.words(out)]
    with begun(words) as process:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(results(out)) == TASKS * SAMPLES


def test_a_reader_that_is_gone_ends_the_report(place: Place, tmp_path: Path) -> None:
    """`embodied run ... | head -0`: what was to be said at the end goes nowhere, as with `cat`."""
    out = tmp_path / "run"
    with begun(place.words(out)) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        ended(process, 141)
    assert len(results(out)) == TASKS * SAMPLES


def test_a_reader_of_progress_that_is_gone_does_not_end_it(place: Place, tmp_path: Path) -> None:
    """`embodied run ... 2>&1 >report | head -1`, or a terminal that is closed."""
    out = tmp_path / "run"
    with begun(place.words(out)) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.close()
        process.stderr = None
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(results(out)) == TASKS * SAMPLES


def fill(disk: Path) -> Path:
    """Leave no byte free on a file system."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return ballast


def test_a_full_disk_ends_it(place: Place, small_disk: Path) -> None:
    out = small_disk / "run"
    with begun(place.words(out)) as process:
        wait_for_first(out, process)
        ballast = fill(small_disk)
        said = ended(process, 2)
    assert said.startswith(f"error: the disk is full: cannot write to {out}; free space and run ")
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    resumed(out)


def as_user(number: int) -> list[str]:
    """Begin a command that runs without the rights of the superuser."""
    if os.geteuid() != 0:
        return []
    words = ["unshare", "--user", f"--map-user={number}", f"--map-group={number}"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("needs a user who is not root, or a system that lets root become one")
    return words


def set_modes(out: Path, mode: int) -> None:
    for folder in (out, *out.iterdir()):
        if folder.is_dir():
            folder.chmod(mode)


def test_a_folder_that_turns_read_only(place: Place, tmp_path: Path) -> None:
    """What is open is written on; a run that begins or is resumed needs to write new files."""
    out = tmp_path / "run"
    with begun([*as_user(1000), *place.words(out)]) as process:
        wait_for_first(out, process)
        set_modes(out, 0o500)
        said = ended(process, 0)
    assert said == (
        f"the throughput of this invocation is not saved: cannot write to {out}: Permission denied"
    )
    assert len(results(out)) == TASKS * SAMPLES
    more = [*as_user(1000), *place.words(out, "--tasks.samples", str(SAMPLES + 1))]
    with begun(more) as process:
        assert ended(process, 2).startswith(f"error: cannot write to {out}: Permission denied")
    set_modes(out, 0o700)
    assert report(out)["episodes"] == TASKS * SAMPLES


def test_a_disk_that_turns_read_only(place: Place, small_disk: Path) -> None:
    out = small_disk / "run"
    with begun(place.words(out)) as process:
        wait_for_first(out, process)
        process.send_signal(signal.SIGINT)
        ended(process, 130)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = len(finished(out))
    assert report(out)["episodes"] == before
    with begun([*EMBODIED, "resume", str(out)]) as process:
        said = ended(process, 2)
    assert said == f"error: cannot write to {out}: Read-only file system"
    subprocess.run(["mount", "-o", "remount,rw,size=100m", str(small_disk)], check=True)
    resumed(out)


def test_a_user_who_is_not_root_plays_it(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with begun([*as_user(1000), *place.words(out)]) as process:
        ended(process, 0)
    assert len(results(out)) == TASKS * SAMPLES


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_a_user_without_a_home_plays_it(place: Place, tmp_path: Path, kind: str) -> None:
    """Nor a name: as in containers that are started with a number of a user."""
    if kind == "ray":
        pytest.importorskip("ray", reason="needs ray: pip install 'embodied-codeact[ray]'")
    out, cwd = tmp_path / "run", tmp_path / "cwd"
    cwd.mkdir()
    variables = {k: v for k, v in os.environ.items() if k not in ("HOME", "USER", "LOGNAME")}
    words = [*as_user(54321), *place.words(out, "--runner.kind", kind)]
    with begun(words, env=variables, cwd=cwd) as process:
        ended(process, 0)
    assert len(results(out)) == TASKS * SAMPLES
    assert list(cwd.iterdir()) == [], "no folder named ~"


WITHOUT_LANDLOCK = """
import ctypes, os, struct, sys
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("=HBBI", *line) for line in lines)
buffer = ctypes.create_string_buffer(code, len(code))
libc = ctypes.CDLL(None)
libc.prctl(38, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
header = struct.pack("@HP", len(lines), ctypes.addressof(buffer))
assert libc.prctl(22, ctypes.c_ulong(2), header, ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_a_kernel_without_landlock(place: Place, tmp_path: Path) -> None:
    """The full interpreter is refused; `auto` stays restricted, and `restricted` needs nothing."""

    def words(interpreter: str) -> list[str]:
        run = place.words(tmp_path / interpreter, "--interpreter", interpreter)
        return [sys.executable, "-c", WITHOUT_LANDLOCK, *run]

    with begun(words("full")) as process:
        said = ended(process, 2)
    assert said.startswith("error: the full interpreter cannot confine code here: ")
    assert "Landlock" in said
    for interpreter in ("auto", "restricted"):
        with begun(words(interpreter)) as process:
            ended(process, 0)
        assert len(results(tmp_path / interpreter)) == TASKS * SAMPLES


CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static unsigned calls;
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec += ((int) (++calls / 10 % 3) - 1) * 40000000L;
    return failed;
}
"""
"""The time of day is more than a year off, forwards and backwards, and changes all the time."""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: make system")
def test_a_clock_that_jumps_does_not_end_it(place: Place, tmp_path: Path) -> None:
    source, library, out = tmp_path / "clock.c", tmp_path / "clock.so", tmp_path / "run"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    with begun(place.words(out), env=dict(os.environ, LD_PRELOAD=str(library))) as process:
        ended(process, 0)
    assert len(results(out)) == TASKS * SAMPLES
    figures = report(out)
    assert figures["episodes"] == TASKS * SAMPLES
    assert figures["infrastructure_errors"] == 0
