"""Datasets: which episodes of which runs, what of them is trained on, in which files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from embodied.datasets.card import CARD, CARD_FOR_PEOPLE, Card, FormatRecord, Recipe, render
from embodied.datasets.conversation import Training
from embodied.datasets.describe import describe
from embodied.datasets.figures import EpisodeFigures, figures_of
from embodied.datasets.files import Row, new_folder, write_rows
from embodied.datasets.formats import Format, Shape, make_format
from embodied.datasets.part import Part
from embodied.datasets.selection import FunnelStep, RuleLike, Selection
from embodied.datasets.sources import RunLike, open_sources
from embodied.datasets.splitting import TRAIN, VALIDATION, Holdout, check_splits
from embodied.datasets.statistics import Statistics, aggregate
from embodied.datasets.tokenizer import TokenCounter, token_counter
from embodied.datasets.turns import MaskKind
from embodied.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas

EPISODES = "episodes.jsonl"
"""The figures of each episode, in the dataset's folder."""


def build(
    runs: RunLike | Iterable[RunLike],
    *,
    select: RuleLike | Iterable[RuleLike] = (),
    mask: MaskKind = "errors",
    thoughts: bool = False,
    holdout: str | None = None,
    allow_splits: str | Collection[str] = (),
    tokenizer: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Choose episodes of runs for training. They stay where they are, and are read when needed.

    Args:
        runs: folders of runs, or opened runs.
        select: rules in the order in which they are applied: names (`codeact`, `limit=task:4`),
            `path/to/file.py:rule`, or functions of a trajectory that say whether it is kept.
        mask: which messages of the policy are not trained on: `errors`, or `none`.
        thoughts: whether recorded thoughts are part of the messages.
        holdout: `scene=0.1`, `task=0.1` or `kind=0.1`: keeps a share apart, as `validation`.
        allow_splits: splits that are for measuring and may be trained on all the same.
        tokenizer: counts tokens: a folder or a name for transformers; None: characters / 4.
        seed: for rules that draw, and for `holdout`.

    Raises:
        ConfigError: a rule or an option is wrong.
        RunError: a folder is no run.
        DataError: no episode is left, or episodes are of splits that are for measuring.
    """
    allowed = [allow_splits] if isinstance(allow_splits, str) else sorted(allow_splits)
    if mask not in get_args(MaskKind):
        raise ConfigError(f"the mask is 'errors' or 'none', not {mask!r}")
    sources, selection = open_sources(runs), Selection(select, seed=seed)
    held = None if holdout is None else Holdout(holdout, seed=seed)
    read = list(selection.read(sources))
    kept, funnel = selection.apply(read)
    if not kept:
        steps = "; ".join(f"{step.rule} removed {step.removed:,}" for step in funnel)
        raise DataError(f"no episode is left of {len(read):,}: {steps}")
    check_splits(sources, kept, allowed)
    train, validation = (kept, []) if held is None else held.split(kept)
    parts = {TRAIN: train, VALIDATION: validation} if held else {TRAIN: train}
    return Dataset(
        recipe=Recipe(
            select=selection.names,
            mask=mask,
            thoughts=thoughts,
            holdout=holdout,
            allow_splits=allowed,
            seed=seed,
        ),
        parts={name: Part(sources, found) for name, found in parts.items()},
        funnel=funnel,
        episodes_read=Counter(candidate.source for candidate, _ in read),
        counter=token_counter(tokenizer),
    )


@dataclass(frozen=True)
class Dataset:
    """Episodes that `build` chose."""

    recipe: Recipe
    """What it was asked to be."""
    parts: Mapping[str, Part]
    """`train`, and `validation` where a share is held out."""
    funnel: Sequence[FunnelStep]
    """What each rule removed, in order."""
    episodes_read: Mapping[int, int]
    """Episodes by the number of their run."""
    counter: TokenCounter

    @cached_property
    def statistics(self) -> Statistics:
        """Figures of all parts together, by environment and kind."""
        return aggregate(self.figures(), self.counter.name)

    def figures(self) -> Iterator[EpisodeFigures]:
        """Yield the figures of each episode."""
        for name, part in self.parts.items():
            for episode in part:
                yield figures_of(episode, name, self._training, self.counter)

    def rows(self, format: str, part: str = TRAIN) -> Iterator[Row]:
        """Yield the rows of a part in a format, such as `chat`; one episode is in memory at a time.

        Raises:
            ConfigError: there is no such format or part.
        """
        if part not in self.parts:
            raise ConfigError(f"there is no part {part!r}; there is: {', '.join(self.parts)}")
        return make_format(format, self._training, self._shape).rows(self.parts[part])

    def to_chat(self, part: str = TRAIN) -> list[Row]:
        """Return the conversations of a part in the shape of the chat-completions API."""
        return list(self.rows("chat", part))

    def to_pandas(self) -> pandas.DataFrame:
        """Tabulate the episodes, a row each, with the fields of `EpisodeFigures`.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ConfigError("a data frame needs pandas; install it: pip install pandas") from None
        rows = [each.model_dump(mode="json") for each in self.figures()]
        return pandas.DataFrame(rows, columns=list(EpisodeFigures.model_fields))

    def write(
        self, out: str | Path, formats: str | Sequence[str] = "chat", *, parquet: bool = False
    ) -> Card:
        """Write the dataset to a new folder: `FORMAT/PART.jsonl` or `.parquet`, and its card.

        Raises:
            ConfigError: there is no such format, the folder is there already or cannot be written,
                or pyarrow is not installed.
            DataError: the episodes give no row in a format.
        """
        names = [formats] if isinstance(formats, str) else dict.fromkeys(formats)
        chosen = [make_format(name, self._training, self._shape) for name in names]
        with new_folder(Path(out)) as folder:
            with (folder / EPISODES).open("wb") as file:
                statistics = aggregate(self._written(file), self.counter.name)
            written = {each.name: self._write(each, folder, parquet) for each in chosen}
            card = self._described(statistics).model_copy(update={"formats": written})
            (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
            (folder / CARD_FOR_PEOPLE).write_text(render(card), encoding="utf-8")
        return card

    @property
    def card(self) -> Card:
        """What went in, by which rules."""
        return self._described(self.statistics)

    def _described(self, statistics: Statistics) -> Card:
        return describe(self.recipe, self.funnel, self.episodes_read, self.parts, statistics)

    @property
    def _training(self) -> Training:
        return Training(self.recipe.mask, self.recipe.thoughts)

    @cached_property
    def _shape(self) -> Shape:
        found = [each for part in self.parts.values() for each in part.candidates]
        thinks = any(each.thinks for each in found)
        return Shape(any(each.native for each in found), self.recipe.thoughts and thinks)

    def _written(self, file: Any) -> Iterator[EpisodeFigures]:
        for each in self.figures():
            file.write(each.model_dump_json().encode() + b"\n")
            yield each

    def _write(self, format: Format, folder: Path, parquet: bool) -> FormatRecord:
        inner, suffix = folder / format.name, "parquet" if parquet else "jsonl"
        inner.mkdir()
        columns = format.columns()
        rows = {
            name: write_rows(
                inner / f"{name}.{suffix}", format.rows(part), columns, parquet=parquet
            )
            for name, part in self.parts.items()
        }
        if not rows[TRAIN]:
            raise DataError(
                f"the {len(self.parts[TRAIN]):,} episodes give no row in the format {format.name}: "
                f"{format.needs}"
            )
        data = {name: f"{name}.{suffix}" for name, number in rows.items() if number}
        for name, content in format.files_beside(data).items():
            (inner / name).write_bytes(content)
        files = {part: f"{format.name}/{name}" for part, name in data.items()}
        return FormatRecord(files=files, rows=rows, columns=columns, note=format.note)
