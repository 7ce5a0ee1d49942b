"""Reads the text of a page back into its elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(r"^(?P<indent> *)\[(?P<ref>\d+)\] (?P<kind>[a-z][\w-]*\S*)(?P<rest>.*)$")
_PLAIN = re.compile(r'^(?P<indent> *)(?P<text>".*")$')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BOX = re.compile(r"\bat (-?\d+),(-?\d+) size (\d+)x(\d+)")
_TASK = re.compile(r"^Task: (.*)$", re.MULTILINE)


@dataclass
class Element:
    """One line of a page."""

    ref: int
    depth: int
    kind: str
    """Tag, id and classes, e.g. `span.star`."""
    text: str
    state: str
    """What follows the text: value, options, flags, colour, place."""
    below: list[Element] = field(default_factory=list)
    """The elements inside it, at any depth."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Centre, width and height."""
        x, y, width, height = (int(n) for n in _BOX.findall(self.state)[0])
        return x, y, width, height

    @property
    def color(self) -> str:
        """Its colour by name or as #rrggbb."""
        return next(iter(re.findall(r"color=(\S+)", self.state)), "")

    def first(self, kind: str) -> Element:
        """Find the first element of a kind inside this one."""
        return next(element for element in self.below if element.is_a(kind))

    def is_a(self, kind: str) -> bool:
        """Return whether it has the tag, or the tag and class."""
        return self.kind == kind or self.kind.startswith((f"{kind}.", f"{kind}#"))


class Page:
    """The elements of a page, in its order."""

    def __init__(self, text: str) -> None:
        found = _TASK.search(text)
        self.task = found[1] if found else ""
        self.elements = list(_elements(text))

    def every(self, kind: str, text: str | None = None) -> list[Element]:
        """List all elements of a kind, with a text if one is given."""
        return [e for e in self.elements if e.is_a(kind) and text in (None, e.text)]

    def one(self, kind: str, text: str | None = None) -> Element:
        """Find the first element of a kind.

        Raises:
            LookupError: there is none.
        """
        found = self.every(kind, text)
        if not found:
            raise LookupError(f"the page has no {kind} {text or ''}")
        return found[0]

    def named(self, text: str) -> Element:
        """Find the first element with a text.

        Raises:
            LookupError: there is none.
        """
        for element in self.elements:
            if element.text == text:
                return element
        raise LookupError(f"the page has no element with the text {text!r}")


def _elements(text: str) -> Iterator[Element]:
    open_ones: list[Element] = []
    for line in text.split("\n"):
        match, plain = _LINE.match(line), _PLAIN.match(line)
        depth = len((match or plain or {"indent": ""})["indent"])
        if match or plain:
            open_ones = [element for element in open_ones if element.depth < depth]
        if plain and open_ones and not open_ones[-1].text:
            open_ones[-1].text = json.loads(plain["text"])
        if match:
            element = _element(match, depth)
            for outer in open_ones:
                outer.below.append(element)
            open_ones.append(element)
            yield element


def _element(match: re.Match[str], depth: int) -> Element:
    rest = match["rest"].strip()
    string = _STRING.match(rest)
    text = json.loads(string[0]) if string else ""
    state = rest[string.end() :] if string else rest
    return Element(int(match["ref"]), depth, match["kind"], text, state.strip())
