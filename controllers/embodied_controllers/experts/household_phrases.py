"""The thoughts that the household expert writes above its code, in plain words."""

from collections.abc import Sequence
from itertools import groupby

from embodied_controllers.experts.common_sense import number_of, type_of
from embodied_controllers.experts.household_goal import Goal, Treatment

_TREATED: dict[Treatment, str] = {"clean": "clean", "heat": "hot", "cool": "cool"}


def one(object_type: str) -> str:
    """Return a type with its article: `a mug`, `an egg`."""
    return f"{'an' if object_type[0] in 'aeiou' else 'a'} {object_type}"


def places_in_words(places: Sequence[str]) -> str:
    """Name places, runs of one type together: `desk 2, drawer 1-3 and shelf 2`."""
    runs = groupby(enumerate(places), lambda item: (type_of(item[1]), number_of(item[1]) - item[0]))
    parts = []
    for (kind, _), run in runs:
        numbers = [number_of(place) for _, place in run]
        parts.append(f"{kind} {numbers[0]}" + (f"-{numbers[-1]}" if len(numbers) > 1 else ""))
    return _joined(parts)


def purpose(goal: Goal) -> str:
    """Restate the task, as the first thought does."""
    thing = f"sliced {goal.object_type}" if goal.sliced else goal.object_type
    if goal.lamp:
        return f"I have to find {one(thing)} and look at it in the light of {one(goal.lamp)}."
    place = goal.destination or ""
    if goal.count > 1:
        count = {2: "two things", 3: "three things"}.get(goal.count, "all things")
        return f"I have to find {count} of the type {thing} and put them in/on the same {place}."
    treatment = f", {goal.treatment} it" if goal.treatment else ""
    return f"I have to find {one(thing)}{treatment} and put it in/on {one(place)}."


def search(places: Sequence[str], *, first: bool, again: bool) -> str:
    """Announce a search: the first of an episode, a further one, or one of places seen before."""
    names = places_in_words(places)
    if again:
        return f"I have seen every place by now, so I look a second time: {names}."
    if first:
        return f"I look where it is most likely, and open what is closed: {names}."
    return f"The best places that I have not seen yet are {names}."


def not_found(object_type: str, seen: int) -> str:
    """Say that a search was in vain so far."""
    return f"There is no {object_type} that I can use at the {seen} places that I have seen."


def having(objects: Sequence[tuple[str, str]]) -> str:
    """Say which objects there are; an object without a place is in hand."""
    return f"{_joined([f'I saw {name} at {p}' if p else f'I hold {name}' for name, p in objects])}."


def delivery(goal: Goal, objects: Sequence[tuple[str, str]], target: str) -> str:
    """Say what is brought where."""
    them = "it" if len(objects) == 1 else "them"
    now = f"Now that it is {_TREATED[goal.treatment]}, " if goal.treatment else ""
    return f"{having(objects)} {now}I put {them} in/on {target}."


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
