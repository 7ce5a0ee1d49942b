"""The host: a process of the checker's that holds sessions, as a worker of a run does.

`python -m embodied.sandbox.host` reads requests from standard input and answers on standard output,
one JSON object a line. A crash of it is a finding, not the end of the check.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from pathlib import Path
from typing import TextIO

from embodied.sandbox.corpus import Snippet
from embodied.sandbox.snippet_run import HostReply, SnippetRun
from embodied.sandbox.target import Sessions, Target

_PR_SET_CHILD_SUBREAPER = 36
_WARM_UP = Snippet(
    id="warm-up",
    kind="warm-up",
    source="none",
    tries="crash",
    code=["import math\nprint(math.pi)\non('left')\nhold([1])", "1 / 0", "x ="],
)


def main() -> None:
    """Serve requests until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=Target.model_validate_json)
    parser.add_argument("--secret", help="does nothing but stand in the command line")
    parser.add_argument("--memory", help="what the robot keeps, backwards")
    parser.add_argument("--file", help="what is left open for children to inherit")
    options = parser.parse_args()
    requests, answers = _take_standard_streams()
    _leave_open(Path(options.file))
    _adopt_orphans()
    sessions: Sessions = options.target.make()
    name, secret = options.target.name, options.memory[::-1]
    SnippetRun(name, sessions, secret).run(_WARM_UP, lambda: None)

    def say(answer: HostReply) -> None:
        answers.write(answer.model_dump_json() + "\n")
        answers.flush()

    say(HostReply(state="started"))
    for line in requests:
        run = SnippetRun(name, sessions, secret)

        def ready() -> None:
            say(HostReply(state="ready"))
            requests.readline()

        observed = run.run(Snippet.model_validate_json(line), ready)
        say(HostReply(state="done", observed=observed))
    sessions.close()


def _take_standard_streams() -> tuple[TextIO, TextIO]:
    """Streams to the checker that code which finds the standard ones cannot disturb."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, answers


def _leave_open(file: Path) -> None:
    """Hold a file and its folder open such that children inherit them."""
    for path in (file, file.parent):
        os.set_inheritable(os.open(path, os.O_RDONLY), True)


def _adopt_orphans() -> None:
    """Make processes that detach themselves children of this one, so that they are seen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
