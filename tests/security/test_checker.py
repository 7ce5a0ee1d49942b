"""The checker sees what an interpreter does not hold."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from embodied.errors import InfrastructureError
from embodied.sandbox import Checker, Finding, Snippet, Target, Verdict, load_corpus

UNSAFE = Target(name="unsafe", sessions="tests.security.unsafe:UnsafeSessions")


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with Checker(UNSAFE) as checker:
        yield checker


@pytest.mark.parametrize(
    ("snippet", "outcome", "what"),
    [
        ("files/read", "escape", "it read a file"),
        ("files/list", "escape", "it listed a folder"),
        ("files/passwd", "escape", "it read /etc/passwd"),
        ("files/write", "escape", "it changed or made the file"),
        ("files/remove", "escape", "it changed or made the file"),
        ("files/elsewhere", "escape", "it made /tmp/"),
        ("files/inherited", "escape", "it read a file"),
        ("files/fill-disk", "memory", "temporary files took"),
        ("files/many-open", "memory", "files are left open"),
        ("environment/environ", "escape", "it read the host's environment"),
        ("environment/proc-self", "escape", "it read the host's command line"),
        ("sockets/tcp", "escape", "it connected by TCP"),
        ("sockets/udp", "escape", "it connected by UDP"),
        ("sockets/unix", "escape", "it connected by a Unix socket"),
        ("sockets/abstract", "escape", "it connected by an abstract Unix socket"),
        ("sockets/listen", "escape", "it claims to have got through"),
        ("dunders/action-self", "escape", "it read the host's memory"),
        ("imports/dunder-import", "escape", "it changed or made the file"),
        ("pickles/reduce-dump", "escape", "it changed or made the file"),
        ("pickles/state-system", "escape", "it changed or made the file"),
        ("processes/daemon", "escape", "processes outlive the session"),
        ("processes/fork-bomb", "escape", "more processes ran"),
        ("host-objects/result-list", "mutation", "the robot's list changed"),
        ("host-objects/argument", "mutation", "a value changed after it was given"),
        ("host-objects/robot", "mutation", "the door is open"),
        ("host-objects/class", "mutation", "CanaryRobot.on changed"),
        ("host-objects/modules", "mutation", "os.getpid changed"),
        ("host-objects/signals", "mutation", "signal handlers changed"),
        ("environment/put", "mutation", "the environment changed"),
        ("json-patching/dumps", "mutation", "json.dumps changed"),
        ("processes/abort", "crash", "the host ended with"),
        ("system/fault-handler", "crash", "the host ended with -11"),
        ("big-values/text", "memory", "the host took"),
        ("output/huge", "memory", "the host took"),
        ("host-calls/endless-caught", "memory", "the host took"),
        ("host-load/wide-text", "bypass", "a value larger than the limit"),
        ("host-load/long-computation", "hang", "the host worked for"),
        ("records/long-error", "record", "the record of an action has"),
    ],
)
def test_sees(checker: Checker, snippet: str, outcome: str, what: str) -> None:
    finding = found(checker, snippet)
    said = [problem.what for problem in finding.problems if problem.outcome == outcome]
    assert any(what in text for text in said), finding


def test_sees_what_never_ends(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embodied.sandbox.checker.GRACE_SECONDS", 0.0)
    finding = found(checker, "processes/busy")
    assert finding.outcome is Verdict.HANG


def test_goes_on_after_a_crash_and_leaves_nothing_behind() -> None:
    with Checker(UNSAFE, parallel=1) as checker:
        crashed = found(checker, "processes/abort")
        harmless = found(checker, "generators/close-ignored")
    assert crashed.problems
    assert not harmless.problems
    names = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
    assert not [name for name in names if "embodied.sandbox.host" in name]


def test_says_why_an_interpreter_does_not_start() -> None:
    target = Target(name="none", sessions="tests.security.unsafe:there_is_no_such_name")
    with Checker(target) as checker, pytest.raises(InfrastructureError, match="there_is_no_such"):
        found(checker, "generators/close-ignored")


def found(checker: Checker, name: str) -> Finding:
    return checker.check([by_id(name)])[0]


def by_id(name: str) -> Snippet:
    kind = name.partition("/")[0]
    return next(snippet for snippet in load_corpus(kind) if snippet.id == name)
