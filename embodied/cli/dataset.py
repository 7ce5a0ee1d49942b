"""`embodied dataset`: build data for training from runs, count it, mix it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from embodied.cli import options
from embodied.datasets.build import EPISODES
from embodied.datasets.build import build as build_dataset
from embodied.datasets.card import HEADINGS, Card, read_card, statistics_rows
from embodied.datasets.figures import read_figures
from embodied.datasets.formats import FORMATS
from embodied.datasets.mixture import mix as mix_datasets
from embodied.datasets.mixture_card import MIXTURE_HEADINGS, mixture_rows
from embodied.datasets.plot import plot as plot_statistics
from embodied.datasets.statistics import Statistics, aggregate
from embodied.errors import ConfigError
from embodied.report.table import new_table, plain_text, print_json, standard_output

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_Out = Annotated[Path, typer.Option("--out", help="The dataset's folder, a new one.")]
_Seed = Annotated[int, typer.Option(help="Draws what is drawn; the same seed, the same data.")]
_Tokenizer = Annotated[
    str | None,
    typer.Option(
        help="Counts tokens: a folder, or a model's name, for transformers. Without it, four "
        "characters count as one token."
    ),
]


@app.command()
def build(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="The folders of runs.")],
    out: _Out,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="RULE",
            help="Which episodes are kept: success, codeact, recovered, shortest, dedupe, "
            "limit=task:N, limit=kind:N, hard=RUN:N, or path/to/file.py:rule. May be repeated; "
            "rules are applied in their order.",
        ),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help=f"What is written: {', '.join(FORMATS)}. May be repeated; default: chat.",
        ),
    ] = None,
    mask: Annotated[
        Literal["errors", "none"],
        typer.Option(help="Which messages are not trained on: mistakes, or none."),
    ] = "errors",
    thoughts: Annotated[
        bool, typer.Option("--thoughts", help="Keep what thinking models thought.")
    ] = False,
    holdout: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT=SHARE",
            help="Keep a share of the scenes, tasks or kinds apart: scene=0.1.",
        ),
    ] = None,
    allow_split: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-split",
            metavar="SPLIT",
            help="Train on a split that is there to measure, such as valid_unseen.",
        ),
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write Parquet instead of JSON lines.")
    ] = False,
    tokenizer: _Tokenizer = None,
    seed: _Seed = 0,
    json: options.Json = False,
) -> None:
    """Choose episodes of runs and write them for trainers.

    \b
      embodied dataset build runs/a runs/b --select codeact --holdout scene=0.1 --out data/codeact
    """  # noqa: D301 - \b keeps click from filling a paragraph
    data = build_dataset(
        runs,
        select=select or (),
        mask=mask,
        thoughts=thoughts,
        holdout=holdout,
        allow_splits=allow_split or (),
        tokenizer=tokenizer,
        seed=seed,
    )
    card = data.write(out, format or ["chat"], parquet=parquet)
    if json:
        print_json(card)
    else:
        _print_card(card, out)


@app.command()
def stats(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder.")],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw them too, e.g. into statistics.png.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Print the statistics of a dataset, by environment and kind of task.

    \b
      embodied dataset stats data/codeact
      embodied dataset stats data/codeact --plot statistics.png
    """  # noqa: D301 - \b keeps click from filling a paragraph
    if not (folder / EPISODES).is_file():
        raise ConfigError(f"{folder} is no dataset of episodes: it has no {EPISODES}")
    tokenizer = read_card(folder).statistics.tokenizer
    statistics = aggregate(read_figures(folder / EPISODES), tokenizer)
    if plot is not None:
        plot_statistics(statistics, plot)
    if json:
        print_json(statistics)
    else:
        _print_statistics(statistics)


@app.command()
def mix(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT[:SHARE]",
            help="Folders of datasets, and files of JSON lines (chat, ShareGPT, CapyBara, "
            "OpenOrca), with their shares of the tokens. Those without one share the rest.",
        ),
    ],
    out: _Out,
    tokens: Annotated[
        str | None,
        typer.Option(help="Tokens of all together: 10M. Without it, as many as the shares allow."),
    ] = None,
    tokenizer: _Tokenizer = None,
    seed: _Seed = 0,
    json: options.Json = False,
) -> None:
    """Mix datasets with general conversations, by shares of tokens.

    \b
      embodied dataset mix data/codeact general.jsonl:0.3 --tokens 10M --out data/mix
    """  # noqa: D301 - \b keeps click from filling a paragraph
    card = mix_datasets(inputs, out, tokens=tokens, tokenizer=tokenizer, seed=seed)
    if json:
        print_json(card)
        return
    _print_table(MIXTURE_HEADINGS, ((row[0], row[1:]) for row in mixture_rows(card)))
    text = f"Tokens: {card.tokenizer}. Written to {out}"
    standard_output().print(plain_text(text), soft_wrap=True)


def _print_card(card: Card, out: Path) -> None:
    funnel = ((step.rule, (f"{step.removed:,}", f"{step.kept:,}")) for step in card.funnel)
    _print_table(("rule", "removed", "kept"), funnel)
    _print_statistics(card.statistics)
    console = standard_output()
    for name, each in card.formats.items():
        counts = ", ".join(f"{number:,} {part}" for part, number in each.rows.items())
        text = f"{out / name}: {counts} rows. {each.note}".rstrip()
        console.print(plain_text(text), soft_wrap=True)
    for warning in card.warnings:
        console.print(plain_text(f"Note: {warning}"), soft_wrap=True)


def _print_statistics(statistics: Statistics) -> None:
    names = [": ".join(filter(None, row[:2])) for row in statistics_rows(statistics)]
    for columns in (_COUNTS, _QUALITY):
        rows = [row[columns] for row in statistics_rows(statistics)]
        _print_table(("kind of task", *HEADINGS[columns]), zip(names, rows, strict=True))
    console = standard_output()
    console.print(plain_text(f"Tokens: {statistics.tokenizer}. Shares are of the code actions."))
    for name, lengths in (("Turns", statistics.turn_lengths), ("Tokens", statistics.token_lengths)):
        if lengths is not None:
            spread = f"{lengths.min:,} to {lengths.max:,}, median {lengths.median:,}"
            text = f"{name} of an episode: {spread}, nine of ten up to {lengths.p90:,}."
            console.print(plain_text(text))
    console.print()


_COUNTS, _QUALITY = slice(2, 9), slice(9, None)
"""Which of `HEADINGS` stand in the first table, and which in the second."""


def _print_table(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Print a table of names and numbers."""
    name, *numbers = headings
    table = new_table(name)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    for label, cells in rows:
        table.add_row(*map(plain_text, (label, *cells)))
    console = standard_output()
    console.print(table)
    console.print()
