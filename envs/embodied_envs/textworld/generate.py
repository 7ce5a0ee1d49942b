"""Writes new games, the same ones for the same seed.

TextWorld's choices depend on the order of Python's sets and on numbers that a whole process shares.
So games are made by processes of their own with a fixed order, each game from a seed of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from embodied.errors import ConfigError, DataError
from embodied_envs.textworld.game import installed_version
from embodied_envs.textworld.generate_options import GeneratorOptions
from embodied_envs.textworld.story import STORY, read_notes

GameSpec = dict[str, Any]
"""What one game is to be, and its name."""


def write_games(out: Path, count: int, seed: int, options: GeneratorOptions) -> list[Path]:
    """Write games that are not there yet; the stories of all of them.

    The first games of a larger count are those of a smaller one.

    Raises:
        ConfigError: TextWorld is not installed, or cannot make such games.
        OSError: they cannot be written.
    """
    version = installed_version()
    specs = [_spec(options, seed, index, version) for index in range(count)]
    out.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in specs if not _is_there(out, spec)]
    processes = min(os.cpu_count() or 1, len(missing))
    with (
        tempfile.TemporaryDirectory(prefix=".new-", dir=out) as scratch,
        ThreadPoolExecutor(max(1, processes)) as pool,
    ):
        shares = [missing[first::processes] for first in range(processes)]
        list(pool.map(lambda share: _make(share, Path(scratch), out), shares))
    return [out / f"{spec['name']}{STORY}" for spec in specs]


def _spec(options: GeneratorOptions, seed: int, index: int, version: str) -> GameSpec:
    challenge = options.challenges[index % len(options.challenges)]
    return {
        "name": f"{challenge}-{seed}-{index:04}",
        "challenge": challenge,
        "settings": options.settings(challenge),
        "seed": f"{seed}/{index}",
        "textworld": version,
    }


def _is_there(out: Path, spec: GameSpec) -> bool:
    story = out / f"{spec['name']}{STORY}"
    try:
        return story.is_file() and read_notes(story).origin == spec
    except DataError:
        return False


def _make(specs: Sequence[GameSpec], scratch: Path, out: Path) -> None:
    surroundings = {**os.environ, "PYTHONHASHSEED": "0", "TMPDIR": str(scratch.absolute())}
    request = json.dumps({"specs": list(specs), "scratch": str(scratch), "out": str(out)})
    done = subprocess.run(
        [sys.executable, "-P", "-m", "embodied_envs.textworld.make_games"],
        input=request,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2] or f"it ended with {done.returncode}"
        raise ConfigError(f"TextWorld cannot make these games: {reason:.500}")
