"""The Python that the household expert writes: one small script an action."""

import textwrap
from collections.abc import Sequence

from embodied_controllers.experts.common_sense import CLOSABLE, type_of
from embodied_controllers.experts.household_memory import Memory
from embodied_controllers.experts.household_situation import Wanted

_IMPORT = "import re\n"
_VISIT = '''\
def visit(place):
    """Go to a place, open it if it is closed, and return what can be seen there."""
    text = goto(place)
    if "Nothing happens" in text:  # I stand there already
        text = examine(place)
    if "is closed" in text:
        text = open_receptacle(place)
    return text
'''
_WIDTH = 100


class Script:
    """Collects the lines of one code action, without the steps that the memory shows needless."""

    def __init__(self, memory: Memory, defined: set[str]) -> None:
        """Begin an action; `defined` names what earlier ones left behind: an import, a helper."""
        self._memory = memory
        self._defined = defined
        self._position = None if self._may_be_closed(memory.here) else memory.here
        self._lines: list[str] = []

    @property
    def uses(self) -> set[str]:
        """What the script needs that is defined once an episode."""
        body = "\n".join(self._lines)
        return {part for part, sign in ((_IMPORT, "re."), (_VISIT, "visit(")) if sign in body}

    @property
    def code(self) -> str:
        """The whole script, with imports and the helper in front where they are needed."""
        missing = self.uses - self._defined
        return "\n".join([*(p for p in (_IMPORT, _VISIT) if p in missing), *self._lines])

    def go(self, place: str, *, inside: bool = True) -> None:
        """Go to a place; what may still be closed is opened, unless `inside` is false."""
        if place == self._position:
            return
        closed = self._may_be_closed(place)
        self._print("visit" if closed and inside else "goto", place)
        self._position = None if closed and not inside else place

    def take(self, name: str, place: str) -> None:
        """Go and pick up an object."""
        self.go(place)
        self._print("take_from", name, place)

    def put(self, name: str, place: str) -> None:
        """Go and lay down the object in hand."""
        self.go(place)
        self._print("put", name, place)

    def treat(self, verb: str, name: str, station: str) -> None:
        """Clean, heat or cool the object in hand, for which the station need not be open."""
        self.go(station, inside=False)
        self._print(verb, name, station)

    def fulfil(self, wanted: Wanted, name: str, place: str) -> None:
        """Go and make the wanted call on an object that is known to lie at a place."""
        self.go(place)
        self._lines.append(
            f"print({wanted.call.format(found=_quoted(name), place=_quoted(place))})"
        )

    def check_hands(self) -> None:
        """Ask what is in the agent's hands."""
        self._print("inventory")

    def search(self, places: Sequence[str], wanted: Wanted) -> None:
        """Look at places one by one until one shows what is wanted."""
        types = wanted.types
        kinds = types[0] if len(types) == 1 else f"(?:{'|'.join(types)})"
        leave = wanted.leave in [type_of(place) for place in places]
        condition = f' and not place.startswith("{wanted.leave} ")' if leave else ""
        self._lines += [
            *_loop_head(places),
            "    text = visit(place)",
            "    print(text)",
            rf'    found = re.findall(r"\b{kinds} \d+", text)',
            f"    if found{condition}:",
            f"        print({wanted.call.format(found='found[0]', place='place')})",
            "        break",
        ]

    def _may_be_closed(self, place: str | None) -> bool:
        return type_of(place or "") in CLOSABLE and place not in self._memory.contents

    def _print(self, function: str, *arguments: str) -> None:
        self._lines.append(f"print({function}({', '.join(map(_quoted, arguments))}))")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _loop_head(places: Sequence[str]) -> list[str]:
    quoted = [_quoted(place) for place in places]
    line = f"for place in [{', '.join(quoted)}]:"
    if len(line) <= _WIDTH:
        return [line]
    return ["places = [", *_wrapped(quoted), "]", "for place in places:"]


def _wrapped(items: Sequence[str]) -> list[str]:
    """Return the lines of a list display, none longer than the width and no item broken in two."""
    unbreakable = " ".join(item.replace(" ", "\0") + "," for item in items)
    lines = textwrap.wrap(unbreakable, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [line.replace("\0", " ") for line in lines]
