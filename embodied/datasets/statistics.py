"""Statistics of a dataset, by environment and kind of task, as in Table 4 of CodeAct's paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from embodied.datasets.figures import EpisodeFigures
from embodied.trajectory import Outcome, Record


class Lengths(Record):
    """How a length is spread over the episodes."""

    mean: float
    min: int
    median: int
    p90: int
    """Nine of ten episodes are no longer."""
    max: int


class Figures(Record):
    """Totals of a group of episodes. Each sum is of the episodes' figure of the same name."""

    episodes: int
    tasks: int
    scenes: int
    """Scenes that are named."""
    successes: int
    turns: int
    trained_turns: int
    characters: int
    tokens: int
    trained_tokens: int
    calls: int
    failed_calls: int
    failed_turns: int
    format_errors: int
    recoveries: int
    recovered_episodes: int
    """Episodes with at least one recovery."""
    actions: int
    code_actions: int
    loop_share: float | None
    """Share of the code actions that have loops; None where there is no code."""
    condition_share: float | None
    function_share: float | None
    turn_lengths: Lengths | None
    """Turns of an episode; None where there is no episode."""
    token_lengths: Lengths | None
    """Tokens of an episode."""


class KindFigures(Figures):
    """Totals of one kind of task in one environment."""

    environment: str
    kind: str


class Statistics(Figures):
    """Totals of a dataset."""

    tokenizer: str
    """What counted the tokens."""
    by_environment: dict[str, Figures]
    by_kind: list[KindFigures]
    """By environment, then by kind."""


def aggregate(figures: Iterable[EpisodeFigures], tokenizer: str) -> Statistics:
    """Aggregate the figures of episodes, which are read once and not kept."""
    total, kinds = _Tally(), dict[tuple[str, str], _Tally]()
    environments: dict[str, _Tally] = {}
    for each in figures:
        total.add(each)
        environments.setdefault(each.environment, _Tally()).add(each)
        kinds.setdefault((each.environment, each.kind), _Tally()).add(each)
    by_kind = [
        KindFigures(environment=environment, kind=kind, **dict(kinds[environment, kind].figures()))
        for environment, kind in sorted(kinds)
    ]
    return Statistics(
        tokenizer=tokenizer,
        by_environment={name: environments[name].figures() for name in sorted(environments)},
        by_kind=by_kind,
        **dict(total.figures()),
    )


_SUMS = [name for name in Figures.model_fields if name in EpisodeFigures.model_fields]
_PARTS_OF_CODE = ("with_loops", "with_conditions", "with_functions")


@dataclass
class _Tally:
    sums: Counter[str] = field(default_factory=Counter)
    tasks: set[tuple[str, str, str]] = field(default_factory=set)
    scenes: set[tuple[str, str]] = field(default_factory=set)
    turns: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)

    def add(self, each: EpisodeFigures) -> None:
        for name in (*_SUMS, *_PARTS_OF_CODE):
            self.sums[name] += getattr(each, name)
        self.sums["episodes"] += 1
        self.sums["successes"] += each.outcome is Outcome.SUCCESS
        self.sums["recovered_episodes"] += each.recoveries > 0
        self.tasks.add((each.environment, each.split, each.task))
        if each.scene is not None:
            self.scenes.add((each.environment, each.scene))
        self.turns[each.turns] += 1
        self.tokens[each.tokens] += 1

    def figures(self) -> Figures:
        return Figures(
            **{name: self.sums[name] for name in _SUMS},
            episodes=self.sums["episodes"],
            successes=self.sums["successes"],
            recovered_episodes=self.sums["recovered_episodes"],
            tasks=len(self.tasks),
            scenes=len(self.scenes),
            loop_share=self._share("with_loops"),
            condition_share=self._share("with_conditions"),
            function_share=self._share("with_functions"),
            turn_lengths=_lengths(self.turns),
            token_lengths=_lengths(self.tokens),
        )

    def _share(self, name: str) -> float | None:
        code = self.sums["code_actions"]
        return self.sums[name] / code if code else None


def _lengths(counts: Counter[int]) -> Lengths | None:
    """Spread lengths, given how often each is there; a quantile is a length that is there."""
    total = counts.total()
    if not total:
        return None
    return Lengths(
        mean=sum(length * count for length, count in counts.items()) / total,
        min=min(counts),
        median=_quantile(counts, 0.5),
        p90=_quantile(counts, 0.9),
        max=max(counts),
    )


def _quantile(counts: Counter[int], share: float) -> int:
    """Return the least length that at least this share of all does not exceed."""
    seen, total = 0, counts.total()
    for length in sorted(counts):
        seen += counts[length]
        if seen >= share * total:
            return length
    return max(counts)
