"""`embodied replay`: play recorded episodes again and compare."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options
from embodied.cli.run import play_run
from embodied.replay.parity import check_parity
from embodied.replay.recordings import load_recordings
from embodied.store import RunReader


def replay(
    recordings: Annotated[list[Path], typer.Argument(help="Files of recorded episodes.")],
    protocol: options.ProtocolName = "mint",
    env: options.Env = "alfworld",
    split: options.Split = "valid_unseen",
    out: options.Out = None,
    settings: options.Set = None,
    json: options.Json = False,
) -> None:
    """Replay recorded policy messages and compare every observation and verdict.

    \b
      embodied replay recordings/gpt-4.jsonl.gz --protocol mint --out runs/replay
    """  # noqa: D301 - \b keeps click from filling a paragraph
    started = time.monotonic()
    files = [str(path.resolve()) for path in recordings]
    recorded = load_recordings(recordings)
    config = options.resolve(
        None,
        env=env,
        split=split,
        protocol=protocol,
        out=out,
        settings=[
            "policy.name=replay",
            f"policy.recordings={files}",
            f"tasks.samples={len(files)}",
            *(settings or []),
        ],
    )
    play_run(config)
    trajectories = RunReader(config.out).trajectories()
    parity = check_parity(trajectories, recorded, config.protocol.limits.steps)
    figures = parity.model_dump() | {"seconds": round(time.monotonic() - started, 1)}
    if json:
        print(json_module.dumps(figures))
        return
    mismatches = figures.pop("mismatches")
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):24}{value}")
    for line in mismatches:
        print(f"  {line}")
