"""`embodied report`, `compare` and `merge`: what is made of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options
from embodied.report.compare import compare_runs
from embodied.report.compare_table import print_comparison
from embodied.report.metrics import Report, aggregate_run
from embodied.report.table import plain_text, print_json, standard_output
from embodied.report.table import print_report as print_table
from embodied.store import open_run
from embodied.store.merge import merge_runs

_Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN", help="The folders of two or more runs.")
]


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


def compare(
    folders: _Runs,
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


def merge(
    folders: _Runs,
    out: Annotated[Path, typer.Option("--out", help="The merged run's folder, a new one.")],
) -> None:
    """Merge runs of one protocol, which differ in their tasks or samples, into a new run.

    An episode that one run finished takes the place of another's infrastructure error. The new run
    can be reported on, compared and resumed as any other.

    \b
      embodied merge runs/first runs/second --out runs/both
    """  # noqa: D301 - \b keeps click from filling a paragraph
    run = merge_runs(folders, out)
    number = sum(1 for _ in run.summaries())
    standard_output().print(plain_text(f"{number:,} episodes of {len(folders)} runs in {out}"))
