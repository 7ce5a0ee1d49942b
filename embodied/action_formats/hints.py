"""Finds the action that a command meant by its first words: also other words for it, and typos."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

_WORD = re.compile(r"[^\W_]+")
_BEFORE = re.compile(
    r"(?:(?:i|we|you|let|me|us|s|ll|m|will|would|should|must|can|shall|need|want|try|going|am|now|so"
    r"|okay|ok|next|then|first|finally|please|robot|to)\b[^\w\n]*){1,8}(?=\w)",
    re.IGNORECASE,
)
"""Words with which a sentence leads up to what is to be done."""
_LONGEST = 200
"""Characters of a command that are looked at."""
_MEANINGS = tuple(
    frozenset(words.split(", "))
    for words in (
        "go, goto, move, move to, walk, run, head, travel, navigate, approach, drive, proceed",
        "take, pick, pick up, grab, get, fetch, collect, grasp, lift, retrieve, acquire",
        "put, put down, place, set, lay, leave, deposit, move, insert, store, drop, release",
        "use, toggle, turn on, switch on, activate, operate, press, power on, light, turn, switch",
        "turn off, switch off, deactivate, power off, off",
        "open, unseal, uncover",
        "close, shut",
        "look, look around, see, observe, survey, scan, watch",
        "examine, inspect, check, look at, study, investigate, view, read",
        "inventory, inv, i, check inventory, check hands, carrying, holding",
        "clean, wash, rinse, scrub, wipe",
        "heat, warm, microwave, cook, bake, toast, boil",
        "cool, chill, refrigerate, freeze",
        "slice, cut, chop, dice, carve",
        "wait, rest, pause, sleep, stay, noop, pass",
        "say, tell, speak, talk, answer, ask",
        "click, press, tap, push, hit",
        "type, write, enter, input, fill",
        "eat, consume, taste",
    )
)
"""Words and pairs of words that robots and models use for the same."""


def meant_action(command: str, actions: Collection[str]) -> str | None:
    """Find the action whose name is nearest to the first words of a command.

    An action of these words comes first, then one of the same meaning, then one that is spelled
    nearly so. None: there is none.
    """
    told = _BEFORE.sub("", command[:_LONGEST], count=1) if _BEFORE.match(command) else command
    words = _WORD.findall(told[:_LONGEST].lower().replace("_", " "))
    starts = [" ".join(words[:size]) for size in (3, 2, 1) if len(words) >= size]
    for start in starts:
        named = [name for name in actions if _named(name, start)]
        if named:
            return min(named, key=len)
        alike = [name for name in actions if _means(name, start)]
        if alike:
            return max(alike, key=lambda name: len(_parts(name) & set(words)))
    ordered = list(actions)[::-1]
    spelled = {name.lower().split("_", 1)[0]: name for name in ordered}
    spelled |= {name.lower().replace("_", ""): name for name in ordered}
    for start in starts:
        close = difflib.get_close_matches(start.replace(" ", "")[:40], spelled, n=1, cutoff=0.7)
        if close:
            return spelled[close[0]]
    return None


def _named(name: str, start: str) -> bool:
    """Tell whether an action is called by these words, or by them and more."""
    spaced = name.lower().replace("_", " ")
    return spaced == start or spaced.startswith(f"{start} ") or spaced == start.replace(" ", "")


def _means(name: str, start: str) -> bool:
    spaced = name.lower().replace("_", " ")
    own = {spaced, spaced.split(" ", 1)[0]}
    return any(start in meaning and meaning & own for meaning in _MEANINGS)


def _parts(name: str) -> set[str]:
    return set(name.lower().split("_"))
