"""The names under which a game shows its objects, such as ``sinkbasin 1``.

ALFWorld numbers the objects of a game when TextWorld loads it (``AlfredDemangler`` in alfworld's
``agents/environment/alfred_tw_env.py``, with ``shuffle=False``). A policy sees these names only, so
a number that differs makes another game. The rules:

* An id is a kind and a position, joined by ``_bar_``. Ids are taken in sorted order and numbered
  per kind from the number of such ids down to 1: the last id in the order is number 1.
* The kind gets ``basin`` appended if the word occurs anywhere in the id, which tells the basin
  ``sink_bar_1_bar_sinkbasin`` from the sink ``sink_bar_1``.
* An id without position is its own name, with one space at the end where the number would be.
* Only ids that occur in the game's first facts are numbered (`named_ids`); an object that is
  declared and not mentioned again does not count.
"""

from collections import Counter
from collections.abc import Iterable

from embodied_envs.alfworld.pddl.problem import Problem

_SIGNS = {"_bar_": "|", "_minus_": "-", "_plus_": "+", "_dot_": ".", "_comma_": ","}


def display_names(ids: Iterable[str]) -> dict[str, str]:
    """Name each id, in sorted order of ids.

    Ids are expected in lower case, as TextWorld and `Problem` have them; the case is kept and takes
    part in the order. Numbers depend on the whole collection: pass all ids of a game at once.
    """
    kinds = {name: _kind(name) for name in sorted(set(ids))}
    remaining = Counter(kind for kind, numbered in kinds.values() if numbered)
    names = {}
    for name, (kind, numbered) in kinds.items():
        names[name] = f"{kind} {remaining[kind] if numbered else ''}"
        remaining[kind] -= numbered
    return names


def named_ids(problem: Problem) -> set[str]:
    """List the ids that a game names: those that its first facts or function values mention.

    ``total-cost`` aside, stock TextWorld turns function values into facts as well.
    """
    return {name for fact in (*problem.init, *problem.values) for name in fact[1:]}


def _kind(identifier: str) -> tuple[str, bool]:
    """Return the name without number, and whether a number belongs to it."""
    text = identifier
    for code, sign in _SIGNS.items():
        text = text.replace(code, sign)
    kind, bar, _ = text.partition("|")
    if bar and "basin" in identifier:
        kind += "basin"
    return kind, bool(bar)
