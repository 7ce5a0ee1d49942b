"""Choosing episodes by rules that compose, each saying what it removed."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from embodied.datasets.sources import Candidate, Source
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.plugins.plugin_file import is_file, load_file, short_name
from embodied.plugins.registry import load
from embodied.trajectory import Outcome, Record, Trajectory

SELECTIONS = "embodied.selections"
"""The entry-point group of rules."""

EpisodeRule: TypeAlias = Callable[[Trajectory], bool]
"""Tells of one episode whether it is kept. Its docstring says what it keeps."""


class Rule(ABC):
    """A rule that looks at all episodes together, such as one for each task.

    A subclass says in its docstring what it keeps, and checks its argument in `__init__`.

    Args:
        argument: what follows the name and `=` where the rule is chosen; empty where nothing does.
        seed: for rules that draw.
    """

    def __init__(self, argument: str = "", *, seed: int = 0) -> None:
        self.argument = argument
        self.seed = seed
        if argument and type(self).__init__ is Rule.__init__:
            raise ConfigError(f"the rule {type(self).__name__} takes no argument, not {argument!r}")

    @abstractmethod
    def keep(self, candidates: Sequence[Candidate]) -> Iterable[Candidate]:
        """Return those of the episodes that are kept, in any order."""


RuleLike: TypeAlias = "str | EpisodeRule | type[Rule] | Rule"


class FunnelStep(Record):
    """What one rule did."""

    rule: str
    does: str
    """What it keeps, in words."""
    removed: int
    kept: int


class Selection:
    """Rules in the order in which they are applied.

    Args:
        rules: names as registered, with `=ARGUMENT` where a rule takes one; `path/to/file.py:rule`;
            functions of a trajectory; rules.
        seed: for rules that draw.

    Raises:
        ConfigError: there is no such rule, or its argument is wrong.
    """

    def __init__(self, rules: RuleLike | Iterable[RuleLike] = (), *, seed: int = 0) -> None:
        if isinstance(rules, str) or not isinstance(rules, Iterable):
            rules = [rules]
        given = list(rules)
        self._steps = [step for rule in given for step in _steps(rule, seed)]
        self.names = [_name(rule) for rule in given]

    def read(self, sources: Sequence[Source]) -> Iterator[tuple[Candidate, int | None]]:
        """Yield all episodes of the runs, each with the number of the first rule for single
        episodes that removes it. One trajectory is in memory at a time.

        Raises:
            DataError: a rule fails.
        """
        for number, source in enumerate(sources):
            for summary in source.run.summaries():
                trajectory = source.run.load(summary.location)
                if trajectory is not None:
                    candidate = Candidate.of(number, summary.location, trajectory)
                    yield candidate, self._removed_by(source, trajectory)

    def apply(
        self, candidates: Iterable[tuple[Candidate, int | None]]
    ) -> tuple[list[Candidate], list[FunnelStep]]:
        """Apply the rules to what `read` yields; return what is kept, and what each rule did."""
        everything = list(candidates)
        removed_by = {id(candidate): number for candidate, number in everything}
        before = len(everything)
        kept = [each for each, _ in everything if each.outcome is not Outcome.INFRASTRUCTURE_ERROR]
        funnel = [
            FunnelStep(
                rule="finished",
                does="Keep episodes that did not end by an infrastructure error",
                removed=before - len(kept),
                kept=len(kept),
            )
        ]
        for number, (name, rule) in enumerate(self._steps):
            before = len(kept)
            if isinstance(rule, Rule):
                chosen = {id(each) for each in rule.keep(kept)}
                kept = [each for each in kept if id(each) in chosen]
            else:
                kept = [each for each in kept if removed_by[id(each)] != number]
            step = FunnelStep(
                rule=name, does=_described(rule), removed=before - len(kept), kept=len(kept)
            )
            funnel.append(step)
        return kept, funnel

    def _removed_by(self, source: Source, trajectory: Trajectory) -> int | None:
        for number, (name, rule) in enumerate(self._steps):
            if isinstance(rule, Rule):
                continue
            where = f"the rule {name} of episode {trajectory.episode_id!r} in {source.run.folder}"
            try:
                verdict = rule(trajectory)
            except Exception as error:
                raise DataError(str(InfrastructureError.of(where, error))) from error
            if not isinstance(verdict, bool):
                raise DataError(f"{where} returned {verdict!r:.80}; a rule returns True or False")
            if not verdict:
                return number
        return None


def _steps(rule: RuleLike, seed: int) -> Iterator[tuple[str, EpisodeRule | Rule]]:
    """Yield the rules that one stands for, with their names in the funnel."""
    shown = _name(rule)
    if not isinstance(rule, str):
        yield shown, _made(shown, rule, "", seed)
        return
    name, _, argument = rule.partition("=")
    found = _found(name)
    parts = found if isinstance(found, tuple) else (found,)
    for part in parts:
        label = shown if len(parts) == 1 else f"{shown}: {part.__name__}"
        yield label, _made(shown, part, argument, seed)


def _name(rule: RuleLike) -> str:
    """Name a rule as it was chosen, of one in a file without the folders."""
    if not isinstance(rule, str):
        return getattr(rule, "__name__", type(rule).__name__)
    name, separator, argument = rule.partition("=")
    return f"{short_name(name)}{separator}{argument}"


def _found(name: str) -> Any:
    if not is_file(name):
        return load(SELECTIONS, name)
    file, attribute = load_file(name, "selection rule")
    return file.get(attribute, "selection rule")


def _made(name: str, found: Any, argument: str, seed: int) -> EpisodeRule | Rule:
    if isinstance(found, Rule):
        return found
    if isinstance(found, type):
        if not issubclass(found, Rule) or inspect.isabstract(found):
            raise ConfigError(
                f"the selection rule {name!r} is a class that is no rule; it must inherit from "
                "embodied.datasets.Rule and have the method keep"
            )
        return found(argument, seed=seed)
    if not callable(found):
        raise ConfigError(f"the selection rule {name!r} is no function of a trajectory")
    if argument:
        raise ConfigError(f"the selection rule {name!r} takes no argument")
    return found  # type: ignore[no-any-return]


def _described(rule: EpisodeRule | Rule) -> str:
    text = inspect.getdoc(rule if not isinstance(rule, Rule) else type(rule)) or ""
    return " ".join(text.partition("\n\n")[0].split()).rstrip(".") or "(no description)"
