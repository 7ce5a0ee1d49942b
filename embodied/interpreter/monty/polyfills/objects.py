"""Built-in functions and methods of built-in types that Monty lacks."""

from __future__ import annotations

import re
from binascii import Incomplete
from typing import Any

_native_type = type
_ASCII = 127
_LARGEST = 10**60
_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}

BlockingIOError = OSError
BrokenPipeError = OSError
ChildProcessError = OSError
ConnectionAbortedError = OSError
ConnectionError = OSError
ConnectionRefusedError = OSError
ConnectionResetError = OSError
EOFError = Incomplete
EnvironmentError = OSError
IOError = OSError
InterruptedError = OSError
ProcessLookupError = OSError


class module:  # noqa: N801 - the name that its instances show
    """What an import of a module of the prelude gives."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<module '{self.__name__}'>"


def type_of(value: Any) -> Any:
    """What `value.__class__` is."""
    return _native_type(value)


def method(call: Any, name: str, owners: str, value: Any) -> Any:
    """A method of a value, as a value.

    Args:
        call: calls the method of this name of its first argument.
        name: of the method.
        owners: the built-in types that have it, each between spaces.
        value: whose method it is.
    """
    if _is_type(value) and f" {value.__name__} " in owners:
        return _unbound(call, name, value)
    if f" {_native_type(value).__name__} " in owners:
        return lambda *args, **kwargs: call(value, *args, **kwargs)
    return getattr(value, name)


def _is_type(value: Any) -> bool:
    return _native_type(value).__name__ == "type"


def _unbound(call: Any, name: str, owner: Any) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError(f"unbound method {owner.__name__}.{name}() needs an argument")
        if not isinstance(args[0], owner):
            raise TypeError(
                f"descriptor '{name}' for '{owner.__name__}' objects doesn't apply to a "
                f"'{_native_type(args[0]).__name__}' object"
            )
        return call(*args, **kwargs)

    return function


def delete(container: Any, key: Any) -> None:
    """The statement `del container[key]`."""
    if isinstance(container, dict):
        if key not in container:
            raise KeyError(key if isinstance(key, str) else repr(key))
        container.pop(key)
    elif isinstance(container, list):
        _delete_items(container, key)
    elif hasattr(container, "__delitem__"):
        container.__delitem__(key)
    else:
        name = _native_type(container).__name__
        raise TypeError(f"'{name}' object doesn't support item deletion")


def _delete_items(items: Any, key: Any) -> None:
    if isinstance(key, slice):
        gone = set(range(len(items))[key])
        items[:] = [items[i] for i in range(len(items)) if i not in gone]
    elif not isinstance(key, int):
        name = _native_type(key).__name__
        raise TypeError(f"list indices must be integers or slices, not {name}")
    elif not -len(items) <= key < len(items):
        raise IndexError("list assignment index out of range")
    else:
        items.pop(key)


def text(kind: str, *values: Any) -> Any:
    """The text of an exception; anything else is refused."""
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    raise NotImplementedError(f"{kind} takes one text here; give it an f-string or str(...)")


def leave(code: Any = None) -> None:
    """The functions `exit` and `quit`."""
    raise SystemExit("" if code is None else str(code))


def input(prompt: Any = "") -> None:
    """The built-in of this name: nobody answers, as at the end of CPython's input."""
    print(prompt, end="")
    raise Incomplete("EOF when reading a line")


def callable(value: Any) -> bool:
    """The built-in of this name."""
    kind = _native_type(value).__name__
    if kind in ("function", "builtin_function_or_method", "type", "method"):
        return True
    return _is_type(value) or hasattr(value, "__call__")  # noqa: B004 - as it is


def ascii(value: Any) -> str:
    """The built-in of this name."""
    return "".join([c if ord(c) <= _ASCII else _escaped(ord(c)) for c in repr(value)])


def _escaped(code: int) -> str:
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


class object:  # noqa: N801
    """What `object()` gives."""


def sub(subject: Any, *args: Any, **kwargs: Any) -> Any:
    """The method `sub` of the module `re` and of patterns, also with a function as replacement."""
    return _subn(subject, args, kwargs)[0] if _is_re(subject) else subject.sub(*args, **kwargs)


def subn(subject: Any, *args: Any, **kwargs: Any) -> Any:
    """The method `subn` of the module `re` and of patterns."""
    return _subn(subject, args, kwargs) if _is_re(subject) else subject.subn(*args, **kwargs)


def _is_re(subject: Any) -> bool:
    return str(subject).startswith("<module 're'") or isinstance(subject, re.Pattern)


def _subn(subject: Any, args: Any, kwargs: Any) -> Any:
    if isinstance(subject, re.Pattern):
        return _pattern_subn(subject, *args, **kwargs)
    return _module_subn(*args, **kwargs)


def _module_subn(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    compiled = pattern if isinstance(pattern, re.Pattern) else re.compile(pattern, flags)
    return _pattern_subn(compiled, repl, string, count)


def _pattern_subn(pattern: Any, repl: Any, string: Any, count: int = 0) -> Any:
    matches = list(pattern.finditer(string))
    matches = matches[:count] if count else matches
    if isinstance(repl, str):
        return pattern.sub(repl, string, count), len(matches)
    parts = []
    at = 0
    for match in matches:
        parts.append(string[at : match.start()])
        parts.append(repl(match))
        at = match.end()
    return "".join([*parts, string[at:]]), len(matches)


def is_integer(value: Any) -> Any:
    """The method of numbers of this name."""
    if _native_type(value) is not float:
        return value.is_integer()
    return value - value == 0 and value == int(value)


def bit_length(value: Any) -> Any:
    """The method of integers of this name."""
    return len(bin(abs(value))) - 2 if value and isinstance(value, int) else _zero(value)


def _zero(value: Any) -> Any:
    return 0 if isinstance(value, int) else value.bit_length()


def bit_count(value: Any) -> Any:
    """The method of integers of this name."""
    return bin(value).count("1") if isinstance(value, int) else value.bit_count()


def format_map(template: Any, mapping: Any) -> Any:
    """The method of texts of this name."""
    if not isinstance(template, str) or _native_type(mapping) is not dict:
        return template.format_map(mapping)
    return template.format(**mapping)


def translate(value: Any, table: Any) -> Any:
    """The method of texts of this name."""
    if not isinstance(value, str) or not isinstance(table, dict):
        return value.translate(table)
    parts = []
    for character in value:
        new = table.get(ord(character), character)
        parts.append(chr(new) if isinstance(new, int) else new or "")
    return "".join(parts)


def maketrans(first: Any, second: Any = None, removed: str = "") -> Any:
    """The method of `str` of this name."""
    if second is None:
        return {ord(key) if isinstance(key, str) else key: first[key] for key in first}
    if len(first) != len(second):
        raise ValueError("the first two maketrans arguments must have equal length")
    table: Any = {ord(first[i]): ord(second[i]) for i in range(len(first))}
    return table | {ord(character): None for character in removed}


def intersection_update(items: Any, *others: Any) -> Any:
    """The method of sets of this name."""
    if not isinstance(items, set):
        return items.intersection_update(*others)
    kept = set(items)
    for other in others:
        kept = kept.intersection(other)
    items.clear()
    items.update(kept)
    return None


def difference_update(items: Any, *others: Any) -> Any:
    """The method of sets of this name."""
    if not isinstance(items, set):
        return items.difference_update(*others)
    for other in others:
        for item in list(other):
            items.discard(item)
    return None


def symmetric_difference_update(items: Any, other: Any) -> Any:
    """The method of sets of this name."""
    if not isinstance(items, set):
        return items.symmetric_difference_update(other)
    kept = items.symmetric_difference(other)
    items.clear()
    items.update(kept)
    return None


def show(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind
    """A short text for a value, made without calling anything of its class; None for functions."""
    kind = _native_type(value)
    name = kind.__name__
    if name in ("function", "module", "type", "builtin_function_or_method", "method"):
        return None
    if name in ("NoneType", "bool", "float"):
        return repr(value)
    if kind is int:
        return repr(value) if -_LARGEST < value < _LARGEST else "(a very large number)"
    if kind is str or kind is bytes:
        most = 200 if depth == 3 else 60
        return repr(value[:most]) + ("..." if len(value) > most else "")
    if name in _BRACKETS and value:
        return _show_items(value, depth, name)
    if name in ("dict", "defaultdict", "Counter"):
        return _show_pairs(value, depth, name)
    return repr(value) if name in _BRACKETS else f"<{name} object>"


def _show_items(value: Any, depth: int, name: str) -> str:
    texts: Any = []
    for item in value:
        if len(texts) == 8 or depth == 0:
            texts.append("...")
            break
        texts.append(show(item, depth - 1) or "<function>")
    opening, closing = _BRACKETS[name]
    return opening + ", ".join(texts) + (",)" if name == "tuple" and len(value) == 1 else closing)


def _show_pairs(value: Any, depth: int, name: str) -> str:
    texts: Any = []
    for key in value:
        if len(texts) == 8 or depth == 0:
            texts.append("...")
            break
        item = show(value[key], depth - 1) or "<function>"
        texts.append(f"{show(key, depth - 1) or '<function>'}: {item}")
    text = "{" + ", ".join(texts) + "}"
    return text if name == "dict" else f"{name}({text})"
