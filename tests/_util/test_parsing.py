"""Code is read in many threads at a time, and walked through."""

from __future__ import annotations

import ast
import sys
import typing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embodied._util import parsing
from embodied.plugins.plugin_file import load_file

CODE = "for a in b:\n" + "    x = f(a[1], [1, {'k': 2}]) + 2\n" * 60


class Knot:
    """Garbage that only the collector finds, and that takes its time to go."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


@pytest.fixture
def _hectic() -> Iterator[None]:
    """Threads take turns a thousand times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def parses(times: int) -> None:
    for _ in range(times):
        Knot()
        parsing.parse(CODE)
        parsing.parse_expression("f(1) + 2")
        parsing.literal("[1, {'k': (2, 3)}]")


@pytest.mark.usefixtures("_hectic")
def test_threads_do_not_disturb_each_other() -> None:
    with ThreadPoolExecutor(16) as threads:
        for done in [threads.submit(parses, 30) for _ in range(16)]:
            done.result()


@pytest.mark.parametrize("file", [__file__, parsing.__file__, typing.__file__, ast.__file__])
def test_a_walk_gives_what_that_of_the_standard_library_gives_but_contexts(file: str) -> None:
    tree = ast.parse(Path(file).read_bytes())
    expected = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]
    assert parsing.walk(tree) == expected


PLUGIN = """
import threading
from embodied._util.parsing import PARSER

got = []
other = threading.Thread(target=lambda: got.append(PARSER.acquire(blocking=False)))
other.start()
other.join()
"""


def test_nothing_else_parses_while_a_plugin_is_imported(tmp_path: Path) -> None:
    """As pydantic parses the source of a model for what its fields say."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    file, _ = load_file(f"{tmp_path}/plugin.py:got", "environment")
    assert file.get("got", "list") == [False]
