"""Which built-in types have which methods."""

from __future__ import annotations

import collections
from types import FunctionType, MethodDescriptorType

_METHOD_KINDS = (MethodDescriptorType, FunctionType)
_TYPES: tuple[type, ...] = (
    str,
    bytes,
    int,
    float,
    bool,
    list,
    tuple,
    dict,
    set,
    frozenset,
    collections.deque,
    collections.Counter,
    collections.defaultdict,
)


def _owners() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for kind in _TYPES:
        for name in dir(kind):
            method = next(vars(base)[name] for base in kind.__mro__ if name in vars(base))
            if not name.startswith("_") and isinstance(method, _METHOD_KINDS):
                found.setdefault(name, set()).add(kind.__name__)
    return {name: frozenset(kinds) for name, kinds in found.items()}


TYPES = frozenset(kind.__name__ for kind in _TYPES[:10])
"""Names of the types that are built-in names."""

OWNERS = _owners()
"""By method: the types that have it."""

NAMES = frozenset(OWNERS)
"""Every method."""
