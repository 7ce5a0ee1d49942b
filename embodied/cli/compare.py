"""`embodied compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options
from embodied.report.compare import compare_runs
from embodied.report.compare_table import print_comparison
from embodied.report.table import print_json


def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="The folders of two or more runs.")
    ],
    json: options.Json = False,
) -> None:
    """Set runs side by side: their figures, the settings in which they differ, and each run
    against the first on the episodes that both hold.

    \b
      embodied compare runs/qwen runs/llama
    """  # noqa: D301 - \b keeps click from filling a paragraph
    comparison = compare_runs(folders)
    if json:
        print_json(comparison)
    else:
        print_comparison(comparison)
