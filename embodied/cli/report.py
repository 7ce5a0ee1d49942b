"""`embodied report`, `compare` and `merge`: what is made of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options
from embodied.report.compare import compare_runs
from embodied.report.compare_table import print_comparison
from embodied.report.metrics import Report, aggregate_run
from embodied.report.table import plain_text, print_json, print_report, standard_output
from embodied.store import RunReader
from embodied.store.merge import merge_runs

_Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN", help="The folders of two or more runs.")
]


def report(
    folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    json: options.Json = False,
) -> Report:
    """Print the figures of a run, finished or not.

    \b
      embodied report runs/quickstart
      embodied report runs/quickstart --json
    """  # noqa: D301 - \b keeps click from filling a paragraph
    metrics = aggregate_run(RunReader(folder))
    if json:
        print_json(metrics)
    else:
        print_report(metrics)
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
