"""What a household task asks for, read from the wording of ALFWorld's goals."""

import re
from dataclasses import dataclass
from typing import Literal

Treatment = Literal["clean", "heat", "cool"]

EVERY = 1000
"""The count of a goal that asks for all objects of a type: more than any house has."""

STATIONS: dict[Treatment, str] = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
"""The receptacle type at which each treatment is given."""


@dataclass(frozen=True)
class Goal:
    """What must be true in the end: objects lie somewhere, or one is held beside a lit lamp."""

    object_type: str
    """Type of the object to bring or to hold, such as `mug`."""
    destination: str | None = None
    """Type of the receptacle to bring it to; none if it is to be looked at under a lamp."""
    lamp: str | None = None
    """Type of the lamp to look at the object with."""
    treatment: Treatment | None = None
    """What must be done to the object before it is put down."""
    count: int = 1
    """How many objects must lie in the same receptacle."""
    sliced: bool = False
    """Whether the object must be sliced with a knife first."""


_TREATMENTS: dict[str, Treatment] = {
    "clean": "clean",
    "hot": "heat",
    "heat": "heat",
    "cool": "cool",
    "cold": "cool",
}
_COUNTS = {"two": 2, "three": 3, "all": EVERY}
_SLICED = r"(?P<sliced>sliced |slices? of )?"
_IN = r"(?:in|on) (?:the )?(?P<destination>\w+)"
_ARTICLE = r"(?:(?:an?|some|the) )?"
_OBJECT = r"(?P<object>\w+)"

_WORDINGS = [
    re.compile(pattern)
    for pattern in (
        rf"(?:look at|examine) {_ARTICLE}{_SLICED}{_OBJECT} (?:under|with) (?:the )?(?P<lamp>\w+)",
        rf"put {_ARTICLE}(?P<adjective>clean|hot|cool|cold) {_SLICED}{_OBJECT} {_IN}",
        rf"(?P<verb>clean|heat|cool) {_ARTICLE}{_SLICED}{_OBJECT} and put it {_IN}",
        rf"(?P<sliced>slice ){_ARTICLE}{_OBJECT} and put (?:it )?{_IN}",
        rf"put (?P<count>two|three|all) {_SLICED}{_OBJECT} {_IN}",
        rf"find (?P<count>two|three|all) {_SLICED}{_OBJECT} and put them {_IN}",
        rf"put {_ARTICLE}{_SLICED}{_OBJECT} {_IN}",
    )
]


def parse_goal(task_text: str) -> Goal:
    """Read the goal from the first observation of a game, or from the goal's sentence alone.

    Every wording of `alfworld.gen.goal_library` is understood, except where an object is put into
    another object (an apple in a bowl), for which the text games have no command.

    Raises:
        ValueError: the wording is none of these, as in goals that people wrote freely.
    """
    sentence = task_text.rpartition("Your task is to:")[2].strip().lower().rstrip(".")
    for wording in _WORDINGS:
        if match := wording.fullmatch(sentence):
            return _goal(match)
    raise ValueError(
        f"goal not understood: {sentence!r}. The household expert knows the wordings of alfworld's "
        "goal library, without those that put an object into another object"
    )


def _goal(match: re.Match[str]) -> Goal:
    words = match.groupdict()
    count = _COUNTS.get(words.get("count") or "", 1)
    object_type = words["object"]
    verb = words.get("verb") or words.get("adjective")
    return Goal(
        object_type=object_type.removesuffix("s") if count == EVERY else object_type,
        destination=words.get("destination"),
        lamp=words.get("lamp"),
        treatment=_TREATMENTS[verb] if verb else None,
        count=count,
        sliced=bool(words.get("sliced")),
    )
