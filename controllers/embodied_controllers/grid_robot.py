"""The grid robot of BabyAI, at two levels: single moves, and skills made of them.

The skills know only what the robot's views have shown since the episode began.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from embodied.controller import Controller, action
from embodied.environment import Observation
from embodied.limits import AfterEnd
from embodied_controllers.grid_map import COMPASS, FLOOR, GridMap, Place, Pose, neighbours

_CALLS = {
    "turn left": "turn_left",
    "turn right": "turn_right",
    "forward": "forward",
    "pick up": "pick_up",
    "drop": "drop",
    "toggle": "toggle",
    "done": "done",
}

_COLORS = ("blue", "green", "grey", "purple", "red", "yellow")
_KINDS = ("ball", "box", "door", "key")
_STATES = ("open", "closed", "locked")
_ANY = ("object", "thing")
_SIDES = {
    "on your left": "left",
    "on your right": "right",
    "in front of you": "front",
    "behind you": "behind",
}
_DESCRIPTION = re.compile(
    rf"(?:(?:the|an?) )?(?P<words>[a-z ]+?)(?: (?P<side>{'|'.join(_SIDES)}))?", re.IGNORECASE
)


class GridRobot(Controller):
    """A robot in a grid of rooms. It sees a part of what is in front of it and can carry one thing.

    Places are counted from the robot: "2 forward, 1 left". What the view does not name is free
    floor; hidden places may hold anything. The mission is checked after each step.
    """

    introduction = ""
    thread_safe = True

    @action
    def see(self) -> str:
        """Returns the view that the last step gave: what you face, carry and see. Takes no step.

        Places are counted from you, and areas are rectangles: "2 to 3 forward, 1 left" is two
        places. Hidden places may hold anything; what is not named is free floor.
        Example: see() returns "You face east, carrying nothing. You see: red ball 2 forward. ..."
        """
        last = self.last_result
        text = (last.observation if last else self.first_observation).text
        return text[max(text.find("You face "), 0) :]

    @action
    def turn_left(self) -> str:
        """Turn left where you stand. Returns what happened, and the new view.

        Example: turn_left()
        """
        return self.send("turn left")

    @action
    def turn_right(self) -> str:
        """Turn right where you stand. Returns what happened, and the new view.

        Example: turn_right()
        """
        return self.send("turn right")

    @action
    def forward(self) -> str:
        """Move one place forward. Things, walls and doors that are not open are in the way.

        Example: forward()
        """
        return self.send("forward")

    @action
    def pick_up(self) -> str:
        """Pick up the ball, box or key that is 1 forward. You must carry nothing.

        Example: pick_up()
        """
        return self.send("pick up")

    @action
    def drop(self) -> str:
        """Put what you carry on the place 1 forward, which must be free floor.

        Example: drop()
        """
        return self.send("drop")

    @action
    def toggle(self) -> str:
        """Open or close the door that is 1 forward, or open the box that is there.

        A locked door opens if you carry the key of its color. A box is gone when it was opened.
        Example: toggle()
        """
        return self.send("toggle")

    @action
    def done(self) -> str:
        """Let a step pass without doing anything.

        Example: done()
        """
        return self.send("done")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends a command.

        Raises:
            ValueError: it is no command of the grid robot.
        """
        name = _CALLS.get(command)
        return (name, {}) if name else super().command_call(command)


class GridRobotSkills(GridRobot):
    """A robot in a grid of rooms, which remembers what it has seen. It can carry one thing.

    Things are described as in missions: "red ball", "key", "grey door", "ball on your left". Sides
    are those of the place and direction in which the robot started, in its first room. Skills take
    as many steps as they need, and open doors that are in the way. Places are counted from the
    robot: "2 forward, 1 left". The mission is checked after each step.
    """

    introduction = ""

    def begin(
        self, observation: Observation, max_steps: int | None, after_end: AfterEnd = "stop"
    ) -> None:
        """Start an episode with an empty map, and take in the first view."""
        super().begin(observation, max_steps, after_end)
        self._map = GridMap()
        self._map.read(observation.text)

    def send(self, command: str) -> str:
        """Take one step and remember what it showed; repetitions after the end show nothing."""
        ended = self.ended
        text = super().send(command)
        if not ended:
            self._map.read(text)
        return text

    @action
    def remembered(self) -> list[str]:
        """All things that have been seen, where they were seen last. Takes no step.

        Example: remembered() returns ["red ball 2 forward, 1 left", "closed grey door 3 back"]
        """
        return [f"{name} {self._map.relative(place)}" for place, name in self._map.things().items()]

    @action
    def explore(self) -> str:
        """Walk where you have not seen yet, until something new is seen. Returns what it is.

        Example: explore() returns "New: blue key 4 forward, 1 right."
        """
        known = self._map.things().keys()
        while self._explore_a_little():
            new = self._map.things().keys() - known
            if new:
                return f"New: {self._listed(new)}."
        raise RuntimeError(
            "there is nothing left to explore that can be reached; a locked door needs the key of "
            f"its color, and things in the way can be taken elsewhere. Seen: {self._all()}"
        )

    @action
    def find(self, thing: str) -> str:
        """Explore until such a thing has been seen. Returns where it is.

        Things are described as in the mission, here and in other functions: "red ball", "key",
        "locked door", "ball on your left". Sides are those of where and how you started.
        Example: find("blue key") returns "blue key 4 forward, 1 right"
        """
        while not self._places(thing):
            self.explore()
        return self._listed(self._places(thing))

    @action
    def go_to(self, thing: str) -> str:
        """Go to the nearest such thing that has been seen, and face it. Returns the view there.

        Example: go_to("red ball")
        """
        places = self._known(thing)
        if not self._walk(lambda pose: self._map.ahead(pose) in places, thing):
            self.done()
        return self.see()

    @action
    def take(self, thing: str) -> str:
        """Go to the nearest such thing and pick it up. You must carry nothing.

        Example: take("blue key")
        """
        if self._map.carrying:
            raise RuntimeError(f"you carry the {self._map.carrying}; put_down() first")
        places = {place for place in self._known(thing) if not self._is_door(place)}
        self._walk(lambda pose: self._map.ahead(pose) in places, thing)
        return self.pick_up()

    @action
    def put_down(self) -> str:
        """Put what you carry on free floor close by, where it blocks no door.

        Example: put_down()
        """
        self._check_carrying()
        way = self._map.way(self._blocks_nothing)
        if way is None:
            way = self._way(lambda pose: self._is_floor(self._map.ahead(pose)), "free floor")
        self._follow(way)
        return self.drop()

    @action
    def put_next_to(self, thing: str) -> str:
        """Carry what you have in hand to the nearest such thing, and put it down next to that.

        Example: put_next_to("green box")
        """
        self._check_carrying()
        places = self._known(thing)
        beside = {free for place in places for free in neighbours(place) if self._is_floor(free)}
        self._walk(lambda pose: self._map.ahead(pose) in beside, f"free floor next to the {thing}")
        return self.drop()

    @action
    def open_door(self, door: str) -> str:
        """Go to the nearest such door that is not open, and open it.

        For a locked door carry the key of its color.
        Example: open_door("red door")
        """
        cells = self._map.cells
        shut = {place for place in self._known(door) if not cells[place].startswith("open ")}
        shut = {place for place in shut if self._is_door(place)}
        if not shut:
            raise RuntimeError(f"every {door} that has been seen is open; toggle() closes one")
        ready = {place for place in shut if self._map.can_open(cells[place])}
        if not ready:
            names = ", ".join(sorted({cells[place] for place in shut}))
            raise RuntimeError(f"{names}: take the key of its color first, then open_door()")
        self._walk(lambda pose: self._map.ahead(pose) in ready, door)
        return self.toggle()

    def _explore_a_little(self) -> bool:
        """Go towards the nearest unknown place until more is known; False where there is none."""
        cells, ahead = self._map.cells, self._map.ahead
        way = self._map.way(lambda pose: ahead(pose) not in cells)
        if way is None:
            return False
        known = len(cells)
        for command in way:
            self._move(command)
            if len(cells) > known:
                return True
        raise RuntimeError("the steps show nothing new; the episode may have ended")

    def _walk(self, arrived: Callable[[Pose], bool], what: str) -> bool:
        """Go to a pose that will do; says whether that took a step."""
        way = self._way(arrived, what)
        self._follow(way)
        return bool(way)

    def _way(self, arrived: Callable[[Pose], bool], what: str) -> list[str]:
        way = self._map.way(arrived)
        if way is not None:
            return way
        blocking = self._map.in_the_way(arrived)
        if blocking:
            raise RuntimeError(
                f"there is no free way to {what}: {blocking} is in the way; take it elsewhere"
            )
        raise RuntimeError(
            f"there is no way to {what} over what has been seen; explore(), or open a locked door. "
            f"Seen: {self._all()}"
        )

    def _follow(self, way: list[str]) -> None:
        for command in way:
            self._move(command)

    def _move(self, command: str) -> None:
        """Take one step of a way; before a closed door, open it."""
        if command == "forward" and self._map.can_open(self._map.cells[self._map.ahead()]):
            self.send("toggle")
        place = self._map.here
        text = self.send(command)
        if command == "forward" and self._map.here == place:
            raise RuntimeError(f"the way is blocked: {text}")

    def _known(self, thing: str) -> set[Place]:
        """Return where such things are.

        Raises:
            ValueError: none has been seen.
        """
        places = self._places(thing)
        if not places:
            raise ValueError(
                f"no {thing!r} has been seen; call find({thing!r}). Seen: {self._all()}"
            )
        return places

    def _places(self, thing: str) -> set[Place]:
        description = _DESCRIPTION.fullmatch(thing.strip().lower())
        words = description["words"].split() if description else []
        known = (*_COLORS, *_KINDS, *_STATES, *_ANY)
        if description is None or not words or not set(words) <= set(known):
            raise ValueError(
                f'{thing!r} describes no thing; say such as "red ball", "door" or "key on your '
                f'left", of: {", ".join(known)}; {", ".join(_SIDES)}'
            )
        wanted = set(words).difference(_ANY)
        found = {p for p, name in self._map.things().items() if wanted <= set(name.split())}
        side = description["side"]
        return found & self._on_side(_SIDES[side]) if side else found

    def _on_side(self, side: str) -> set[Place]:
        """Return the places on a side of where the episode began, in its room."""
        dx, dy = COMPASS[self._map.start_facing or "north"]
        ahead = {"front": (dx, dy), "behind": (-dx, -dy), "right": (-dy, dx), "left": (dy, -dx)}
        x, y = ahead[side]
        return {place for place in self._map.first_room() if place[0] * x + place[1] * y > 0}

    def _check_carrying(self) -> None:
        if not self._map.carrying:
            raise RuntimeError("you carry nothing; take() something first")

    def _is_floor(self, place: Place) -> bool:
        return self._map.cells.get(place) == FLOOR

    def _is_door(self, place: Place) -> bool:
        return self._map.cells[place].endswith(" door")

    def _blocks_nothing(self, pose: Pose) -> bool:
        """Return whether what is dropped in this pose leaves ways open: free floor around it."""
        place = self._map.ahead(pose)
        return self._is_floor(place) and not any(
            self._map.cells.get(beside, "").endswith(" door") for beside in neighbours(place)
        )

    def _all(self) -> str:
        return "; ".join(self.remembered()) or "nothing"

    def _listed(self, places: set[Place]) -> str:
        names = self._map.cells
        return "; ".join(f"{names[p]} {self._map.relative(p)}" for p in sorted(places))
