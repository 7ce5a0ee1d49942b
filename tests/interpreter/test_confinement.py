"""What code in the full interpreter cannot reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from embodied import ConfigError
from embodied.interpreter import Interpreters, Session
from embodied.interpreter.confined import confinement, folder
from embodied.interpreter.confined.installation import Installation
from embodied.interpreter.confined.memory import MemoryWatch
from embodied.interpreter.cpython import zygote
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
    assert error.type in ("PermissionError", "FileNotFoundError", "OSError")
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


ENDLESS = (
    "import os, stat\n"
    "def is_socket(number):\n"
    "    try: return stat.S_ISSOCK(os.fstat(number).st_mode)\n"
    "    except OSError: return False\n"
    "total, kept = 0, []\n"
    "while True:\n"
)
WRITE = {
    "files": "    name = str(len(kept)); kept.append(name)\n"
    "    open(name, 'wb').write(bytes(10 ** 6)); total += 10 ** 6",
    "unlinked files": "    kept.append(open('f', 'wb', 0)); os.unlink('f')\n"
    "    total += kept[-1].write(bytes(2 * 10 ** 6))",
    "temporary files": "    kept.append(os.open('.', os.O_TMPFILE | os.O_RDWR))\n"
    "    total += os.write(kept[-1], bytes(2 * 10 ** 6))",
    "holes": "    kept.append(os.open(str(len(kept)), os.O_CREAT | os.O_WRONLY))\n"
    "    for place in range(0, 8 * 10 ** 6, 4096):\n"
    "        os.pwrite(kept[-1], b'x', place); total += 4096",
    "the host's socket": "    (number,) = (n for n in range(3, 64) if is_socket(n))\n"
    "    host = os.dup(number)\n"
    "    while True:\n"
    "        kept.append(os.open(str(len(kept)), os.O_CREAT | os.O_WRONLY))\n"
    "        os.dup2(kept[-1], number); os.close(kept[-1])\n"
    "        try:\n"
    "            total += os.write(number, bytes(8 * 10 ** 6))\n"
    "        except OSError:\n"
    "            os.dup2(host, number); raise",
}
MAKE = {
    "files": "    open(str(len(kept)), 'w'); kept.append(0)",
    "folders": "    os.mkdir(str(len(kept))); kept.append(0)",
    "deep folders": "    os.mkdir('d'); os.chdir('d'); kept.append(0)",
    "temporary files": "    os.close(os.open('.', os.O_TMPFILE | os.O_RDWR)); kept.append(0)\n"
    "    open(str(len(kept)), 'w')",
}
FULL = "No space left on device"


@pytest.fixture(scope="module", params=["bounded", "watched"])
def folders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interpreters]:
    """Interpreters whose folders are file systems of their own, and some that may mount nothing."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "watched":
            program = tmp_path_factory.mktemp("program") / "confined"
            shutil.copytree(zygote._PROGRAM, program)
            with (program / "mounts.py").open("a") as file:
                file.write("\n\ndef separate() -> bool:\n    return False\n")
            patch.setattr(zygote, "_PROGRAM", program)
        with Interpreters() as interpreters:
            yield interpreters


@pytest.mark.parametrize("way", WRITE)
def test_a_folder_is_bounded_whatever_the_way_of_writing(
    folders: Interpreters, robot: Any, way: str
) -> None:
    with folders.session("full", robot, Limits(seconds=60)) as session:
        error = session.run(ENDLESS + WRITE[way]).error
        assert error is not None
        assert FULL in error.message
        total = int(session.run("total").value or 0)
        assert folder.MAX_BYTES // 3 < total <= folder.MAX_BYTES
        assert session.run("on('left 1')").error is None, "the session goes on"


@pytest.mark.parametrize("way", MAKE)
def test_a_folder_has_a_bounded_number_of_entries(
    folders: Interpreters, robot: Any, way: str
) -> None:
    with folders.session("full", robot, Limits(seconds=60)) as session:
        error = session.run(ENDLESS + MAKE[way]).error
        assert error is not None
        assert FULL in error.message
        made = int(session.run("len(kept)").value or 0)
        assert folder.MAX_ENTRIES // 3 < made <= folder.MAX_ENTRIES


def test_mapped_files_are_bounded(folders: Interpreters, robot: Any) -> None:
    """In a bounded file system the process dies of it; elsewhere such mappings are refused."""
    code = (
        "import mmap, os\n"
        "kept = []\n"
        "while True:\n"
        "    with open('f', 'w+b') as file:\n"
        "        file.truncate(8 * 10 ** 6)\n"
        "        kept.append(mmap.mmap(file.fileno(), 8 * 10 ** 6))\n"
        "    os.unlink('f')\n"
        "    kept[-1].write(bytes([1]) * 8 * 10 ** 6)"
    )
    with folders.session("full", robot, Limits(seconds=60)) as session:
        output = session.run(code)
        refused = output.error is not None and output.error.type == "PermissionError"
        assert refused or output.limit == "the code ended its process"


def test_what_may_be_written_is_not_more_after_a_broken_action(
    folders: Interpreters, robot: Any
) -> None:
    with folders.session("full", robot, Limits(seconds=2)) as session:
        code = "for i in range(7): open(str(i), 'wb').write(bytes(8 * 10 ** 6))\n"
        assert session.run(code + "while True: pass").limit is not None
        more = "for i in range(2): open(f'more {i}', 'wb').write(bytes(8 * 10 ** 6))"
        error = session.run(more).error
        assert error is not None
        assert FULL in error.message
        assert session.run("import os\nlen(os.listdir()) >= 7").value == "True"


def test_a_process_that_ends_itself_keeps_nobody_waiting(folders: Interpreters, robot: Any) -> None:
    with folders.session("full", robot) as session, folders.session("full", robot) as other:
        assert session.run("import os\nos._exit(0)").limit == "the code ended its process"
        for each in (session, other):
            assert each.run("open('f', 'w').write('x')").value == "1"


def test_databases_and_libraries_work_in_a_folder(folders: Interpreters, robot: Any) -> None:
    code = (
        "import sqlite3, matplotlib.pyplot as plt, pandas, numpy\n"
        "base = sqlite3.connect('base')\n"
        "base.execute('create table t (a)'); base.execute('insert into t values (1)')\n"
        "base.commit(); base.close()\n"
        "pandas.DataFrame({'a': [1]}).to_csv('a.csv')\n"
        "numpy.save('a.npy', numpy.ones(10))\n"
        "mapped = numpy.load('a.npy', mmap_mode='r').sum()\n"
        "plt.plot([1, 2]); plt.savefig('plot.png')\n"
        "(sqlite3.connect('base').execute('select a from t').fetchall(), "
        "int(pandas.read_csv('a.csv').a[0]), float(mapped))"
    )
    with folders.session("full", robot) as session:
        output = session.run(code)
    assert output.value == "([(1,)], 1, 10.0)"
    assert [attachment.name for attachment in output.attachments] == ["plot.png"]


def test_nothing_is_left_of_folders(
    robot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Interpreters() as interpreters:
        with interpreters.session("full", robot) as session:
            session.run("import os\nos.makedirs('a/b'); open('a/b/c', 'w').write('x')")
            (base,) = tmp_path.iterdir()
            assert len(list(base.iterdir())) == 1
        assert list(base.iterdir()) == []
        interpreters.session("full", robot).run("open('left', 'w').write('x')")
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


RESERVED = (
    "libc.mmap.restype = ctypes.c_void_p\n"
    "libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5\n"
    "size, places, taken = {size} << 20, [], 0\n"
    "while (place := libc.mmap(None, size, {first}, 0x22, -1, 0)) not in (None, 2 ** 64 - 1):\n"
    "    places.append(place)\n"
    "for place in places:\n"
    "    if {call} in (0, place):\n"
    "        taken += (ctypes.memset(place, 1, size) == place) * size\n"
    "taken"
)


@pytest.mark.parametrize("size", [16, 512])
@pytest.mark.parametrize(
    ("first", "call"),
    [
        (0, "libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(size), 3)"),
        (1, "libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(size), 7)"),
        (0, "libc.mmap(place, size, 3, 0x32, -1, 0)"),
        (0, "libc.mmap(place, size, 7, 0x4032, -1, 0)"),
        (0, "libc.syscall(329, ctypes.c_void_p(place), ctypes.c_size_t(size), 3, 0)"),
    ],
)
def test_reserved_memory_counts_when_it_is_taken(
    session: Session, first: int, call: str, size: int
) -> None:
    code = LIBC + RESERVED.format(first=first, call=call, size=size)
    taken = int(session.run(code).value or 1 << 30)
    assert taken <= Limits().memory_bytes + 2 * (16 << 20)


def test_memory_that_the_zygote_shares_counts_when_it_is_changed(session: Session) -> None:
    """No limit of the system counts it, so that the process is killed for what is resident."""
    code = LIBC + (
        "import gc, mmap\n"
        "kept = [mmap.mmap(-1, 10 ** 6, mmap.MAP_PRIVATE) for _ in range(55)]\n"
        "for part in kept: part.write(bytes([1]) * 10 ** 6)\n"
        "gc.unfreeze()\n"
        "pages = {id(thing) & ~4095 for thing in gc.get_objects()}\n"
        "for page in pages:\n"
        "    byte = ctypes.c_char.from_address(page)\n"
        "    byte.value = byte.value\n"
        "while True: pass"
    )
    output = session.run(code)
    assert output.limit == f"the code used up {Limits().memory_bytes} bytes of memory"
    assert session.run("1").value == "1"


def test_locks_take_no_memory_of_the_kernel(session: Session) -> None:
    code = (
        "import fcntl, os\n"
        "file = os.open('f', os.O_CREAT | os.O_RDWR)\n"
        "for place in range(100): fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)\n"
        "os.getpid()"
    )
    number = session.run(code).value
    locks = Path("/proc/locks").read_text().splitlines()
    assert [line for line in locks if line.split()[4:5] == [number]] == []


def test_memory_is_counted_as_it_is_resident() -> None:
    code = "import mmap, sys; sys.stdin.readline()\nm = mmap.mmap(-1, 50 * 10 ** 6)\n"
    code += "print(flush=True); sys.stdin.readline()\nm.write(bytes([1]) * len(m))\n"
    code += "print(flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watch = MemoryWatch(process.pid, 40 * 10**6)
        found = []
        for _ in range(2):
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
            found.append(watch.is_over())
        process.stdin.close()
    assert found == [False, True], "reserved, then taken"
    assert watch.is_over(), "what was found stays found"
    assert not MemoryWatch(os.getpid(), 1 << 40).is_over()


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
    folder.remove(world)
    assert not world.exists()


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
from embodied.interpreter.confined import confinement, seccomp
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
