"""What the robot sees, in words.

The view is the 7 by 7 cells of minigrid's observation: the robot stands in the middle of the row
next to it and looks along the columns. Rows are counted forward from 0, the robot's own; columns to
the right from 0, at the left edge. Each row is a bit mask, bit 0 at the left edge. Nothing is said
about cells that minigrid hides. What is not named is free floor.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

SIZE = 7
_MIDDLE = SIZE // 2
_FULL = (1 << SIZE) - 1

COMPASS = ("east", "south", "west", "north")
"""The directions in minigrid's order."""

_FORWARD = ((1, 0), (0, 1), (-1, 0), (0, -1))
_RIGHT = ((0, 1), (-1, 0), (0, -1), (1, 0))

_Rows = tuple[int, ...]


def describe(level: Any) -> str:
    """Describe the view: where the robot faces, what it carries, things, walls, hidden cells.

    Args:
        level: a `RoomGridLevel` of minigrid.
    """
    things, walls, hidden = _seen(level)
    carried = level.carrying
    hands = f"carrying a {carried.color} {carried.type}" if carried else "carrying nothing"
    seen = "; ".join(f"{name(thing)} {place}" for place, thing in things) or "no objects"
    return (
        f"You face {COMPASS[level.agent_dir]}, {hands}.\n"
        f"You see: {seen}.{_areas('Walls', walls)}{_areas('Hidden', hidden)}"
    )


def name(thing: Any) -> str:
    """Name a thing, such as `red ball` and `locked blue door`."""
    if thing.type == "wall":
        return "wall"
    if thing.type == "door":
        state = "open" if thing.is_open else "locked" if thing.is_locked else "closed"
        return f"{state} {thing.color} door"
    return f"{thing.color} {thing.type}"


def _seen(level: Any) -> tuple[list[tuple[str, Any]], _Rows, _Rows]:
    """List things with their places, the nearest row first; visible walls; hidden cells."""
    things: list[tuple[str, Any]] = []
    walls: list[int] = []
    hidden: list[int] = []
    visible = 1 << _MIDDLE
    for forward, cells in enumerate(_rows(level)):
        wall = opaque = 0
        found = []
        for column, cell in enumerate(cells):
            if cell is None:
                continue
            if cell.type == "wall":
                wall |= 1 << column
            else:
                found.append((column, cell))
                if not cell.see_behind():
                    opaque |= 1 << column
        visible, onward = _light(visible, wall | opaque)
        for column, cell in found:
            if visible >> column & 1 and (forward or column != _MIDDLE):
                things.append((_PLACES[forward][column], cell))
        walls.append(wall & visible)
        hidden.append(_FULL & ~visible)
        visible = onward
    return things, tuple(walls), tuple(hidden)


def _rows(level: Any) -> Iterator[list[Any]]:
    """Return the cells of the view, row by row; a wall stands for what is outside of the grid."""
    grid, width, height = level.grid.grid, level.grid.width, level.grid.height
    x, y = map(int, level.agent_pos)
    ahead_x, ahead_y = _FORWARD[level.agent_dir]
    right_x, right_y = _RIGHT[level.agent_dir]
    x, y = x - _MIDDLE * right_x, y - _MIDDLE * right_y
    for _ in range(SIZE):
        yield [
            grid[row * width + column] if 0 <= column < width and 0 <= row < height else _OUTSIDE
            for column, row in ((x + k * right_x, y + k * right_y) for k in range(SIZE))
        ]
        x, y = x + ahead_x, y + ahead_y


class _Outside:
    type = "wall"


_OUTSIDE = _Outside()


@functools.cache
def _light(visible: int, opaque: int) -> tuple[int, int]:
    """Find what is visible of a row, and of the next row by its light: minigrid's `process_vis`.

    Light spreads from a visible cell that is not opaque to its neighbours in the row, and from all
    that it passes to the three cells beyond, at first to the right, then to the left.
    """
    onward = 0
    for step, columns in ((1, range(SIZE - 1)), (-1, range(SIZE - 1, 0, -1))):
        for column in columns:
            if visible >> column & 1 and not opaque >> column & 1:
                visible |= 1 << column + step
                onward |= 1 << column | 1 << column + step
    return visible, onward


@functools.lru_cache(maxsize=100_000)
def _areas(title: str, rows: _Rows) -> str:
    """Name all marked cells in a line, as rectangles; nothing where there are none."""
    places = "; ".join(_area(*rectangle) for rectangle in _rectangles(rows))
    return f"\n{title}: {places}." if places else ""


def _rectangles(rows: _Rows) -> list[tuple[int, int, int, int]]:
    """Join the marked cells to rectangles: first and last row, first and last column of each.

    A rectangle is a run of cells in one row, with the same run in the rows behind it.
    """
    found: list[tuple[int, int, int, int]] = []
    growing: dict[tuple[int, int], int] = {}
    for row, marked in enumerate((*rows, 0)):
        runs = _runs(marked)
        for run in [run for run in growing if run not in runs]:
            found.append((growing.pop(run), row - 1, *run))
        for run in runs:
            growing.setdefault(run, row)
    return sorted(found)


@functools.cache
def _runs(marked: int) -> list[tuple[int, int]]:
    """Find the first and last column of each run of marked cells in a row."""
    runs: list[tuple[int, int]] = []
    for column in range(SIZE):
        if marked >> column & 1:
            first = runs.pop()[0] if runs and runs[-1][1] == column - 1 else column
            runs.append((first, column))
    return runs


@functools.cache
def _area(top: int, bottom: int, first: int, last: int) -> str:
    """Describe a rectangle, such as `2 to 4 forward, 3 left to 1 right`."""
    forward = _forward(top) if top == bottom else f"{top} to {bottom} forward"
    return ", ".join(filter(None, (forward, _side(first, last))))


def _forward(row: int) -> str:
    return f"{row} forward" if row else ""


def _side(first: int, last: int) -> str:
    """Describe columns; nothing for the column straight ahead."""
    start, end = first - _MIDDLE, last - _MIDDLE
    if start == end:
        return f"{abs(start)} {'left' if start < 0 else 'right'}" if start else ""
    if start < 0 < end:
        return f"{-start} left to {end} right"
    return f"{-start} to {-end} left" if start < 0 else f"{start} to {end} right"


_PLACES = [[_area(row, row, column, column) for column in range(SIZE)] for row in range(SIZE)]
"""The words for each cell, by row and column."""
