"""What may be trained on, and what is held out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from embodied.datasets.sources import Candidate, Source
from embodied.errors import ConfigError, DataError

TRAIN, VALIDATION = "train", "validation"

_EVALUATION = re.compile(
    r"tests?|testing|testset|val(id(ation)?)?|valset|dev(el(opment)?)?|devset|eval(uation)?|evalset"
    r"|held|heldout|holdout|unseen|benchmark",
    re.IGNORECASE,
)
"""Words in the names of splits that are there to measure, not to train."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

_UNITS: Mapping[str, Callable[[Candidate], str | None]] = {
    "scene": lambda each: each.group,
    "task": lambda each: each.task_id,
    "kind": lambda each: each.kind,
}


def is_evaluation(split: str) -> bool:
    """Tell whether a split's name says that it is for measuring: `test`, `valid_unseen`, `dev2`."""
    return any(_EVALUATION.fullmatch(word) for word in _WORD.findall(split))


def check_splits(
    sources: Sequence[Source], candidates: Iterable[Candidate], allowed: Collection[str]
) -> None:
    """Raise `DataError` where episodes are of evaluation splits that are not allowed by name."""
    refused = Counter(
        (each.split, sources[each.source].name)
        for each in candidates
        if each.split not in allowed and is_evaluation(each.split)
    )
    if not refused:
        return
    found = ", ".join(f"{count:,} of {split} in {run}" for (split, run), count in refused.items())
    names = " ".join(f"--allow-split {split}" for split in sorted({split for split, _ in refused}))
    raise DataError(
        f"episodes of splits that are for measuring would be trained on: {found}; take runs of a "
        f"training split, or allow these by name: {names}"
    )


class Holdout:
    """A share of the scenes, tasks or kinds of each environment, kept apart from training.

    Args:
        text: `scene=0.1`, `task=0.1` or `kind=0.1`.
        seed: chooses which.

    Raises:
        ConfigError: the text is none of these.
    """

    def __init__(self, text: str, *, seed: int = 0) -> None:
        unit, _, share = text.partition("=")
        if unit not in _UNITS or not re.fullmatch(r"0?\.[0-9]{1,9}", share) or not float(share):
            raise ConfigError(
                f"--holdout takes scene=SHARE, task=SHARE or kind=SHARE with a share between 0 "
                f"and 1, e.g. scene=0.1, not {text!r}"
            )
        self.text, self._unit, self._share, self._seed = text, unit, float(share), seed

    def split(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
        """Divide episodes into those to train on and those held out, each in their order.

        Of each environment, whole units are held out until they have the share of its episodes.

        Raises:
            DataError: an episode's unit is unknown, or there is only one.
        """
        held: set[tuple[str, str | None]] = set()
        for environment in dict.fromkeys(each.environment for each in candidates):
            counts = Counter(self._key(e)[1] for e in candidates if e.environment == environment)
            held |= {(environment, unit) for unit in self._held(environment, counts)}
        train = [each for each in candidates if self._key(each) not in held]
        return train, [each for each in candidates if self._key(each) in held]

    def _key(self, each: Candidate) -> tuple[str, str | None]:
        return each.environment, _UNITS[self._unit](each)

    def _held(self, environment: str, counts: Counter[str | None]) -> list[str]:
        if None in counts:
            raise DataError(
                f"{counts[None]:,} episodes of {environment} do not say their scene: the "
                "environment names none (Task.group), or their run is older; use --holdout task="
                f"{self._share:g}"
            )
        units = sorted((str(unit) for unit in counts), key=self._drawn)
        if len(units) == 1:
            raise DataError(
                f"all episodes of {environment} are of one {self._unit}, {units[0]!r}; none can be "
                "held out: add runs, or hold out by something else"
            )
        wanted, taken = self._share * counts.total(), list[str]()
        for unit in units[:-1]:
            if sum(counts[each] for each in taken) >= wanted:
                break
            taken.append(unit)
        return taken

    def _drawn(self, unit: str) -> bytes:
        """Order units by a hash: the choice is the same with any release of Python."""
        return hashlib.sha256(f"{self._seed}:{unit}".encode()).digest()
