"""`embodied merge`: one run from several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.report.table import plain_text, standard_output
from embodied.store.merge import merge_runs


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="The folders of two or more runs.")
    ],
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
