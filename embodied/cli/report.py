"""`embodied report`: the metrics of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options
from embodied.report.metrics import Report, aggregate_run
from embodied.report.table import print_json
from embodied.report.table import print_report as print_table
from embodied.store import open_run


def report(
    folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    json: options.Json = False,
) -> None:
    """Print the figures of a run, finished or not.

    \b
      embodied report runs/quickstart
      embodied report runs/quickstart --json
    """  # noqa: D301 - \b keeps click from filling a paragraph
    print_report(folder, json)


def print_report(folder: Path, json: bool) -> Report:
    """Print the report on a run to standard output, and return it."""
    metrics = aggregate_run(open_run(folder))
    if json:
        print_json(metrics)
    else:
        print_table(metrics)
    return metrics
