"""What code in the full interpreter cannot reach."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from embodied import ConfigError
from embodied.interpreter import Interpreters, Session
from embodied.interpreter.cpython import zygote
from embodied.interpreter.cpython.confined import confinement, folder
from embodied.interpreter.cpython.confined.installation import Installation
from embodied.limits import Limits

if sys.platform != "linux":
    pytest.skip("the full interpreter needs Linux", allow_module_level=True)
if find_spec("cloudpickle") is None:
    pytest.skip("needs cloudpickle: pip install 'embodied-codeact[full]'", allow_module_level=True)

ROOT = Path(__file__).parents[2]
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


@pytest.fixture
def session(interpreters: Interpreters, robot: Any) -> Iterator[Session]:
    with interpreters.session("full", robot, Limits(seconds=5)) as session:
        yield session


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("secret")
    return path


def test_it_finds_an_empty_folder_and_no_environment(session: Session) -> None:
    code = "import os, sys\n(os.listdir(), dict(os.environ), sys.argv, sys.stdin.read())"
    assert session.run(code).value == "([], {}, [''], '')"


def test_it_can_write_to_its_own_folder(session: Session) -> None:
    code = (
        "import os, pathlib, shutil, tempfile\n"
        "os.makedirs('a/b')\n"
        "pathlib.Path('a/b/c').write_text('x')\n"
        "shutil.copy('a/b/c', 'd')\n"
        "os.rename('d', 'a/d')\n"
        "with tempfile.TemporaryFile() as file: file.write(b'x')\n"
        "shutil.rmtree('a')\n"
        "os.listdir()"
    )
    assert session.run(code).value == "[]"


@pytest.mark.parametrize(
    "code",
    [
        "open({path!r}).read()",
        "open({path!r}, 'a')",
        "import os\nos.unlink({path!r})",
        "import os\nos.rename({path!r}, 'mine')",
        "import os\nos.link({path!r}, 'mine')",
        "import os\nos.symlink({path!r}, 'mine')",
        "import os\nos.truncate({path!r}, 0)",
        "import os\nos.open({path!r}, os.O_RDONLY | os.O_TRUNC)",
        "import os\nos.listdir(os.path.dirname({path!r}))",
        "import os\nos.chown({path!r}, 1, 1)",
        "import os\nos.setxattr({path!r}, 'user.a', b'')",
        "import os\nos.mkdir({path!r} + '.d')",
        "import os\nos.mkfifo('pipe')",
        "open('/proc/self/environ').read()",
        "open('/proc/1/cmdline').read()",
        "open('/etc/passwd').read()",
        "open('/dev/mem')",
        "import os\nos.listdir('/')",
        "import os\nos.listdir('/proc')",
        "import os\nos.readlink('/proc/1/exe')",
    ],
)
def test_other_files_are_out_of_reach(session: Session, secret: Path, code: str) -> None:
    error = session.run(code.format(path=str(secret))).error
    assert error is not None
    assert error.type in ("PermissionError", "FileNotFoundError")
    assert secret.read_text() == "secret"


def test_modes_and_times_of_other_files_stay(session: Session, secret: Path) -> None:
    before = secret.stat()
    path = str(secret)
    session.run(f"import os\nos.chmod({path!r}, 0o777)\nos.utime({path!r}, (1, 1))")
    after = secret.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_sessions_do_not_reach_each_other(
    session: Session, interpreters: Interpreters, robot: Any
) -> None:
    session.run("open('mine', 'w').write('x')\nimport os")
    folder = session.run("os.getcwd()").value
    with interpreters.session("full", robot) as other:
        error = other.run(f"open({folder} + '/mine')").error
        assert error is not None
        assert error.type == "PermissionError"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()",
        "import os\nos.execv('/bin/sh', ['sh'])",
        "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
        "import subprocess\nsubprocess.run(['true'])",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        "import threading\nthreading.Thread(target=print).start()",
        "import socket\nsocket.socket()",
        "import socket\nsocket.socketpair()",
        "import os\nos.pipe()",
        "import os\nos.memfd_create('x')",
        "import os\nos.kill(os.getppid(), 0)",
        "import os\nos.kill(-1, 9)",
        "import os\nos.killpg(0, 9)",
        "import os\nos.setuid(0)\nos.setuid(1000)",
        "import os\nos.setsid()",
        "import os\nos.nice(-1)",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import mmap\nmmap.mmap(-1, 10 ** 9)",
        "import fcntl\nfcntl.fcntl(0, fcntl.F_SETOWN, 1)",
        "import fcntl\nfcntl.ioctl(0, 0x5412, b'x')",
    ],
)
def test_system_calls_that_are_not_needed_fail(session: Session, code: str) -> None:
    error = session.run(code).error
    assert error is not None
    assert error.type in ("PermissionError", "RuntimeError", "OSError", "ValueError")


@pytest.mark.parametrize(
    "call",
    [
        "ptrace(16, 1, 0, 0)",
        "prctl(1, 0, 0, 0, 0)",
        "unshare(0x10000000)",
        "mount(b'none', b'.', b'tmpfs', 0, None)",
        "syscall(425, 8, 0)",
        "syscall(438, 3, 0, 0)",
        "process_vm_readv(1, None, 0, None, 0, 0)",
        "personality(0x0040000)",
        "syscall(435, 0, 0)",
        "syscall(437, -100, b'/etc/passwd', 0, 0)",
    ],
)
def test_native_code_is_confined_as_well(session: Session, call: str) -> None:
    assert session.run(f"{LIBC}(libc.{call}, ctypes.get_errno())").value == "(-1, 1)"


def test_privileges_are_gone(session: Session) -> None:
    code = LIBC + (
        "import struct\n"
        "data = ctypes.create_string_buffer(24)\n"
        "libc.capget(struct.pack('=Ii', 0x20080522, 0), data)\n"
        "set(data.raw)"
    )
    assert session.run(code).value == "{0}"


def test_a_full_folder_breaks_the_action_off(session: Session) -> None:
    code = "for i in range(10 ** 9): open(str(i), 'wb').write(bytes(10 ** 6))"
    limit = session.run(code).limit
    assert limit is not None
    assert "in its folder" in limit


def test_deep_folders_are_removed(tmp_path: Path) -> None:
    world, inner = tmp_path / "world", "d" * 200
    world.mkdir()
    before = Path.cwd()
    os.chdir(world)
    try:
        for _ in range(50):
            Path(inner).mkdir()
            Path("file").touch()
            os.chdir(inner)
    finally:
        os.chdir(before)
    assert folder.is_too_full(world), "paths in it are too long to look at"
    folder.remove(world)
    assert not world.exists()


def test_a_folder_is_too_full_by_number_or_size(tmp_path: Path) -> None:
    assert not folder.is_too_full(tmp_path)
    for number in range(folder.MAX_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    assert folder.is_too_full(tmp_path)


def test_the_projects_own_packages_cannot_be_read(tmp_path: Path) -> None:
    for name in ("embodied", "controllers", "numpy"):
        (tmp_path / name).mkdir()
    found = Installation.of([str(tmp_path)], ["embodied", "controllers"])
    mine = [path for path in found.parts if path.startswith(str(tmp_path))]
    assert mine == [str(tmp_path / "numpy")]


def test_it_is_refused_where_the_system_cannot_confine(
    monkeypatch: pytest.MonkeyPatch, robot: Any
) -> None:
    monkeypatch.setattr(confinement, "problem", lambda: "it needs Linux, and this is odd")
    with Interpreters() as interpreters, pytest.raises(ConfigError) as caught:
        interpreters.session("full", robot)
    assert "it needs Linux" in str(caught.value)
    assert "--allow-unconfined" in str(caught.value)
    assert "runner.allow_unconfined" in str(caught.value)


def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, robot: Any
) -> None:
    monkeypatch.setattr(zygote.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with Interpreters() as interpreters, pytest.raises(ConfigError, match="codeact\\[full\\]"):
        interpreters.session("full", robot)


WITHOUT = """
import ctypes, struct, sys
sys.path.insert(0, {root!r})
from embodied.interpreter.cpython.confined import confinement, seccomp
def deny(number):
    errno = {errno}
    program = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | errno),
               (0x06, 0, 0, 0x7FFF0000)]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    confinement._prctl(38, 1)
    assert not seccomp._set_filter(struct.pack("@HP", 4, ctypes.addressof(buffer)))
deny({number})
from tests.conftest import LightSwitch, Switcher
from embodied.errors import ConfigError
from embodied.interpreter import Interpreters
robot = Switcher(LightSwitch())
robot.begin(robot.environment.reset(LightSwitch.list_tasks()[0]), max_steps=50)
for allowed in (False, True):
    with Interpreters(allow_unconfined=allowed) as interpreters:
        try:
            with interpreters.session("full", robot) as session:
                print(session.run("import os\\non('left 1')"))
                print(session.run("import subprocess\\nsubprocess.run(['true'])").error)
        except ConfigError as error:
            print(error)
"""


@pytest.mark.parametrize(
    ("number", "errno", "missing"), [(444, 38, "Landlock"), (446, 1, "Operation not permitted")]
)
def test_without_landlock_it_runs_only_if_that_is_allowed(
    number: int, errno: int, missing: str
) -> None:
    script = WITHOUT.format(root=str(ROOT), number=number, errno=errno)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    refusal, output, error = done.stdout.splitlines()
    assert missing in refusal
    assert "--allow-unconfined" in refusal
    assert "The light left 1 is on." in output
    assert "PermissionError" in error, "what the system can confine, it does"
