"""Nested mappings of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `change` over `base`, mapping by mapping."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def nested(name: str, value: Any) -> dict[str, Any]:
    """Make the nested mapping that a dotted name stands for: `a.b` gives `{"a": {"b": value}}`."""
    for key in reversed(name.split(".")):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def dotted_names(tree: Mapping[str, Any]) -> list[str]:
    """List the dotted names of all values in a mapping of mappings."""
    return [
        f"{key}.{name}" if name else key
        for key, value in tree.items()
        for name in (dotted_names(value) if isinstance(value, Mapping) else [""])
    ]
