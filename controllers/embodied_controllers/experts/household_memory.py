"""What an agent knows of a household from the texts that it has read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from embodied_controllers.experts.common_sense import type_of

_NAME = r"[a-z]+ \d+"
_EVENT = re.compile(
    rf"On the (?P<surface>{_NAME}), you see (?P<on>[^.]*)\."
    rf"|The (?P<inside>{_NAME}) is open\. In it, you see (?P<within>[^.]*)\."
    rf"|The (?P<closed>{_NAME}) is closed\."
    rf"|You pick up the (?P<taken>{_NAME}) from the (?P<source>{_NAME})\."
    rf"|You (?:put|move) the (?P<laid>{_NAME}) (?:in/on|to) the (?P<target>{_NAME})\."
    rf"|You (?P<verb>clean|heat|cool) the (?P<treated>{_NAME}) using the (?P<station>{_NAME})\."
    rf"|You turn o(?:n|ff) the (?P<lamp>{_NAME})\."
    rf"|You sliced the (?P<sliced>{_NAME}) with the "
    r"|You are carrying: (?P<carried>[^.]*)\."
    r"|(?P<empty>You are not carrying anything)\."
)


def names_in(text: str) -> list[str]:
    """Return the numbered names in a list such as `a mug 1, and a pen 2`, in its order."""
    return re.findall(rf"\b{_NAME}\b", text)


@dataclass
class Memory:
    """The household as far as it has been observed. `read` keeps it up to date."""

    places: list[str]
    """The receptacles of the room, as its description lists them."""
    contents: dict[str, list[str]] = field(default_factory=dict)
    """What was last seen on or in each receptacle that has been looked at."""
    here: str | None = None
    """The receptacle that the agent stands at."""
    holding: str | None = None
    """The object in the agent's hand."""
    treated: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of a treatment (`clean`, `heat`, `cool`) and an object that has had it."""
    sliced: set[str] = field(default_factory=set)
    lit: set[str] = field(default_factory=set)
    """Lamps that have been switched."""

    @classmethod
    def of_room(cls, task_text: str) -> "Memory":
        """Start from the first observation of a game, which lists the receptacles of the room."""
        listed = re.search(r"around you, you see ([^.]*)\.", task_text)
        return cls(places=names_in(listed[1]) if listed else [])

    def read(self, text: str) -> None:
        """Take in the game's texts among what an action printed; all other text is passed over."""
        for event in _EVENT.finditer(text):
            self._take_in({key: value for key, value in event.groupdict().items() if value})

    def sightings(self, *object_types: str) -> Iterator[tuple[str, str]]:
        """Yield every object of these types that lies somewhere, with the receptacle it lies at."""
        for place, names in self.contents.items():
            for name in names:
                if type_of(name) in object_types:
                    yield name, place

    def _take_in(self, event: dict[str, str]) -> None:
        match event:
            case {"surface": place, "on": listed} | {"inside": place, "within": listed}:
                self.here, self.contents[place] = place, names_in(listed)
            case {"closed": place}:
                self.here = place
            case {"taken": name, "source": place}:
                self.here, self.holding = place, name
                self._remove(name)
            case {"laid": name, "target": place}:
                self.here, self.holding = place, None
                self._remove(name)
                self.contents.setdefault(place, []).append(name)
            case {"verb": verb, "treated": name, "station": place}:
                self.here = place
                self.treated.add((verb, name))
            case {"lamp": name}:
                self.lit.add(name)
            case {"sliced": name}:
                self.sliced.add(name)
            case {"carried": listed}:
                self.holding = next(iter(names_in(listed)), None)
            case {"empty": _}:
                self.holding = None

    def _remove(self, name: str) -> None:
        for names in self.contents.values():
            if name in names:
                names.remove(name)
