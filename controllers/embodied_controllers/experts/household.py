"""An expert that solves ALFWorld's household tasks by writing Python, from what it has read alone.

It knows the task text and what its own code printed, nothing of the game's inner state or of which
commands are valid. It searches where things usually lie, takes what it needs as soon as it sees it,
remembers all that it saw on the way, and searches the whole house, twice, before it gives up.
"""

from collections.abc import Callable, Generator

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts import household_phrases as words
from embodied_controllers.experts.common_sense import type_of
from embodied_controllers.experts.household_code import Script
from embodied_controllers.experts.household_goal import Treatment, parse_goal
from embodied_controllers.experts.household_memory import Memory
from embodied_controllers.experts.household_situation import Situation, Wanted

Actions = Generator[ExpertStep, str, None]
Steps = Generator[ExpertStep, str, bool]
"""Actions of one part of the solution; the value says whether the expert knows how to go on."""

MAX_ACTIONS = 100
"""More actions than any solution needs: a last resort against a house that answers nonsense."""

_KNIVES = ("knife", "butterknife")
_TAKE = "take_from({found}, {place})"


def solve(task_text: str) -> Actions:
    """Yield code actions until the goal is reached or nothing is left to try.

    Args:
        task_text: the first observation of a game: the receptacles of the room, and the task.

    Each yield receives the text that the action printed.

    Raises:
        ValueError: at the first action, if the goal's wording is not understood.
    """
    expert = _Expert(Situation(parse_goal(task_text), Memory.of_room(task_text)))
    while not expert.situation.reached() and expert.actions < MAX_ACTIONS:
        if not (yield from expert.advance()):
            return


class _Expert:
    """Chooses the next action from the situation, and takes in what it printed."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.actions = 0
        self._memory = situation.memory
        self._goal = situation.goal
        self._defined: set[str] = set()

    def advance(self) -> Steps:
        """Do the next thing that brings the goal nearer."""
        held = self._memory.holding
        if self.situation.needs_slicing():
            return (yield from self._slice(held))
        if held and not self.situation.fits(held):
            return (yield from self._lay_down(held))
        if not held and not self.situation.known():
            return (yield from self._find_object())
        if self._goal.lamp:
            return (yield from self._light(held))
        if self._goal.treatment and not self.situation.is_ready(held or ""):
            return (yield from self._treat(held, self._goal.treatment))
        return (yield from self._deliver(held))

    # Acting and looking back

    def _script(self) -> Script:
        return Script(self._memory, self._defined)

    def _act(self, thought: str, script: Script) -> Actions:
        self.actions += 1
        printed = yield ExpertStep(thought, script.code)
        self._defined |= script.uses
        self._memory.read(printed)

    def _failed(self, what: str, name: str) -> Actions:
        """Note a failure, and check the hands: the next plan depends on what they hold."""
        self.situation.failures[what, name] += 1
        script = self._script()
        script.check_hands()
        thought = f"With {name} it did not go as I expected. First I check what I am carrying."
        yield from self._act(thought, script)

    def _is_holding(self) -> bool:
        return self._memory.holding is not None

    # Searching

    def _search(
        self,
        thought: str,
        wanted: Wanted,
        success: Callable[[], bool],
        script: Script | None = None,
    ) -> Steps:
        """Look for something at the next few places, after what the script does already."""
        places = self.situation.next_places(wanted)
        if not places:
            return False
        seen = self._memory.contents
        announced = words.search(places, first=not seen, again=any(p in seen for p in places))
        script = script or self._script()
        script.search(places, wanted)
        yield from self._act(f"{thought} {announced}", script)
        missed = [place for place in places if place not in seen]
        if missed and not success():
            yield from self._failed("look", missed[0])
        return True

    def _reach(
        self,
        thought: str,
        wanted: Wanted,
        seen: dict[str, str],
        success: Callable[[], bool],
        script: Script | None = None,
    ) -> Steps:
        """Make the wanted call where an object was seen (`seen`: object to place), or search."""
        script = script or self._script()
        for name in self.situation.worth_trying(wanted.call, seen)[:1]:
            script.fulfil(wanted, name, seen[name])
            yield from self._act(f"{thought} I saw {name} at {seen[name]}.", script)
            if not success():
                yield from self._failed(wanted.call, name)
            return True
        return (yield from self._search(thought, wanted, success, script))

    def _find_object(self) -> Steps:
        object_type = self._goal.object_type
        seen = len(self._memory.contents)
        thought = words.not_found(object_type, seen) if seen else words.purpose(self._goal)
        wanted = Wanted((object_type,), _TAKE, leave=self.situation.leave())
        return (yield from self._search(thought, wanted, self._is_holding))

    # Bringing objects to their receptacle

    def _treat(self, held: str | None, treatment: Treatment) -> Steps:
        """Clean, heat or cool what is in hand, or first take it."""
        station = self.situation.station(treatment)
        if not station:
            return False
        script = self._script()
        name, source = (held, "") if held else self.situation.known()[0]
        if source:
            script.take(name, source)
        script.treat(treatment, name, station)
        thought = f"{words.having([(name, source)])} I {treatment} it with {station}."
        yield from self._act(thought, script)
        if not self.situation.is_ready(name):
            yield from self._failed(treatment, station)
        return True

    def _deliver(self, held: str | None) -> Steps:
        """Bring what is in hand and what has been seen, then look for what is still missing."""
        situation, object_type = self.situation, self._goal.object_type
        target = situation.target()
        if not target:
            return False
        missing = self._goal.count - len(situation.ready_at(target))
        known = [(name, place) for name, place in situation.known() if situation.is_ready(name)]
        queue = [*([(held, "")] if held else []), *known][:missing]
        script = self._script()
        for name, source in queue:
            if source:
                script.take(name, source)
            script.put(name, target)
        thought = words.delivery(self._goal, queue, target)
        searched = missing > len(queue) and (
            yield from self._search(
                f"{thought} Then I need another {object_type}.",
                Wanted((object_type,), _TAKE, avoid=target),
                self._is_holding,
                script,
            )
        )
        if not searched:
            yield from self._act(thought, script)
        if not {name for name, _ in queue} <= set(situation.ready_at(target)):
            yield from self._failed("put", target)
        return True

    # Looking at an object under a lamp

    def _light(self, held: str | None) -> Steps:
        """Switch the lamp, with the object in hand."""
        script = self._script()
        thought = f"I hold {held}."
        if not held:
            name, source = self.situation.known()[0]
            script.take(name, source)
            thought = f"I saw {name} at {source}, so I take it."
        lamp_type = self._goal.lamp or ""
        thought += f" Now I need {words.one(lamp_type)} to switch on."
        wanted = Wanted((lamp_type,), "use({found})")
        seen = dict(self._memory.sightings(lamp_type))

        def success() -> bool:
            return bool(self._memory.lit) and self._is_holding()

        return (yield from self._reach(thought, wanted, seen, success, script))

    # Slicing

    def _slice(self, held: str | None) -> Steps:
        """Take a knife, and cut the object where it lies."""
        object_type, sliced = self._goal.object_type, self._memory.sliced
        if not held:
            thought = f"I need {words.one('knife')} to slice {words.one(object_type)}."
            seen = dict(self._memory.sightings(*_KNIVES))
            return (yield from self._reach(thought, Wanted(_KNIVES, _TAKE), seen, self._is_holding))
        if type_of(held) not in _KNIVES:
            return (yield from self._lay_down(held))
        thought = f"I hold {held} and need {words.one(object_type)} to slice."
        wanted = Wanted((object_type,), f'slice({{found}}, "{held}")')
        seen = {n: p for n, p in self._memory.sightings(object_type) if n not in sliced}
        before = len(sliced)
        return (yield from self._reach(thought, wanted, seen, lambda: len(sliced) > before))

    def _lay_down(self, held: str) -> Steps:
        """Put away what is in hand and in the way."""
        place = self.situation.resting_place(held)
        if not place:
            return False
        script = self._script()
        script.put(held, place)
        yield from self._act(f"I need free hands, so I leave {held} at {place}.", script)
        if self._is_holding():
            yield from self._failed("put", place)
        return True
