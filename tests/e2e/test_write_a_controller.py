"""docs/write-a-controller.md is true: its files are written and its commands run, in order.

A block with `title=FILE` is added to that file. Other blocks of `python` and `bash` are run. What
`text` says after one must be in its output, line by line, whatever the spaces.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "write-a-controller.md"
_BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    file: str
    content: str


def blocks() -> Iterator[Block]:
    for language, file, content in _BLOCK.findall(PAGE.read_text()):
        yield Block(language, file, content)


def run(block: Block, folder: Path) -> str:
    words = {
        "python": [sys.executable, "-c", block.content],
        "bash": ["bash", "-euo", "pipefail", "-c", block.content],
    }[block.language]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block.content}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_block_of_the_page_works(tmp_path: Path) -> None:
    printed = ""
    kinds = []
    for block in blocks():
        kinds.append(block.language)
        if block.file:
            file = tmp_path / block.file
            before = f"{file.read_text()}\n\n" if file.exists() else ""
            file.write_text(before + block.content)
        elif block.language == "text":
            for line in block.content.splitlines():
                assert flat(line) in flat(printed)
        else:
            printed = run(block, tmp_path)
    assert kinds.count("bash") >= 4
    assert PAGE.read_text().count("```") == 2 * len(kinds), "every block has been read"
