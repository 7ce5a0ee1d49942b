"""Heaps in lists, with the layout of CPython's module."""

from __future__ import annotations

from typing import Any


def heappush(heap: Any, item: Any) -> None:
    """Add an item."""
    heap.append(item)
    _rise(heap, len(heap) - 1)


def heappop(heap: Any) -> Any:
    """Take the smallest item out."""
    last = heap.pop()
    return heapreplace(heap, last) if heap else last


def heapreplace(heap: Any, item: Any) -> Any:
    """Take the smallest item out, then add one."""
    smallest = heap[0]
    heap[0] = item
    _sink(heap, 0)
    return smallest


def heappushpop(heap: Any, item: Any) -> Any:
    """Add an item, then take the smallest out."""
    return heapreplace(heap, item) if heap and heap[0] < item else item


def heapify(heap: Any) -> None:
    """Make a list a heap."""
    for position in reversed(range(len(heap) // 2)):
        _sink(heap, position)


def nsmallest(n: int, iterable: Any, key: Any = None) -> Any:
    """Return the n smallest items, smallest first."""
    return sorted(iterable, key=key)[: max(n, 0)]


def nlargest(n: int, iterable: Any, key: Any = None) -> Any:
    """Return the n largest items, largest first."""
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def _rise(heap: Any, position: int, top: int = 0) -> None:
    """Move an item up until its parent is not larger."""
    item = heap[position]
    while position > top:
        parent = (position - 1) // 2
        if not item < heap[parent]:
            break
        heap[position] = heap[parent]
        position = parent
    heap[position] = item


def _sink(heap: Any, top: int) -> None:
    """Move an item down to a leaf, always below the smaller child, and up from there."""
    item, position = heap[top], top
    while 2 * position + 1 < len(heap):
        child = 2 * position + 1
        if child + 1 < len(heap) and not heap[child] < heap[child + 1]:
            child += 1
        heap[position] = heap[child]
        position = child
    heap[position] = item
    _rise(heap, position, top)


class _Module:
    def __init__(self) -> None:
        self.heappush, self.heappop, self.heapify = heappush, heappop, heapify
        self.heapreplace, self.heappushpop = heapreplace, heappushpop
        self.nsmallest, self.nlargest = nsmallest, nlargest


module = _Module()
