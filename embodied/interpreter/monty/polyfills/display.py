"""Variables as text, made without calling anything of their classes."""

from __future__ import annotations

from typing import Any

_LARGEST = 10**60
_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}
_PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, set, dict)
_UNINTERESTING = ("function", "module", "type", "builtin_function_or_method", "method")


def show(value: Any, depth: int) -> Any:
    """Write a short text for a value; None for functions and the like."""
    kind = type(value)
    name = kind.__name__
    if name in _UNINTERESTING:
        return None
    if kind is int:
        return repr(value) if -_LARGEST < value < _LARGEST else "(a very large number)"
    if kind is str or kind is bytes:
        most = 200 if depth == 3 else 60
        return repr(value[:most]) + ("..." if len(value) > most else "")
    if name in _BRACKETS and value:
        opening, closing = _BRACKETS[name]
        single = name == "tuple" and len(value) == 1
        return opening + ", ".join(_items(value, depth)) + (",)" if single else closing)
    if name in ("dict", "defaultdict", "Counter"):
        text = "{" + ", ".join(_items(value, depth)) + "}"
        return text if name == "dict" else f"{name}({text})"
    plain = name in _BRACKETS or name in ("NoneType", "bool", "float")
    return repr(value) if plain else f"<{name} object>"


def literal(value: Any, types: Any) -> Any:
    """Write plain data and values of the robot's types as Python; None for anything else.

    Its size must have been looked at. `types` are the fields of each type by its name; those of
    enumerations are `value`.
    """
    parts = [value]
    typed = False
    while parts:
        part = parts.pop()
        if type(part) in _PLAIN:
            if type(part) in (list, tuple, set, dict):
                parts.extend(part)
                parts.extend(part.values() if type(part) is dict else ())
        elif _type_name(part) in types:
            typed = True
            parts.extend([getattr(part, name) for name in types[_type_name(part)]])
        else:
            return None
    return _written(value, types) if typed else repr(value)


def _type_name(value: Any) -> Any:
    """Name the type of a value; named tuples say theirs only where they are shown."""
    name = type(value).__name__
    return repr(value).partition("(")[0] if name == "namedtuple" else name


def _written(value: Any, types: Any) -> str:
    name = _type_name(value)
    if name in types:
        texts = [_written(getattr(value, field), types) for field in types[name]]
        if types[name] != ["value"]:
            texts = [f"{types[name][i]}={text}" for i, text in enumerate(texts)]
        return f"{name}({', '.join(texts)})"
    if type(value) is dict:
        pairs = [f"{_written(k, types)}: {_written(v, types)}" for k, v in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if name in _BRACKETS and value:
        opening, closing = _BRACKETS[name]
        closing = ",)" if name == "tuple" and len(value) == 1 else closing
        return opening + ", ".join([_written(part, types) for part in value]) + closing
    return repr(value)


def _items(value: Any, depth: int) -> Any:
    texts: Any = []
    for item in value:
        if len(texts) == 8 or depth == 0:
            texts.append("...")
            break
        text = show(item, depth - 1) or "<function>"
        if isinstance(value, dict):
            text += f": {show(value[item], depth - 1) or '<function>'}"
        texts.append(text)
    return texts
