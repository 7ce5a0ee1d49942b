"""Monty's errors in the policy's words, and which of them CPython would not have raised."""

from __future__ import annotations

import builtins
import importlib
import re
from importlib.util import find_spec

from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.rewrite.unsupported import DECORATORS

_BUILT_IN = (
    "asyncio base64 binascii bisect collections copy csv dataclasses datetime decimal functools "
    "hashlib itertools json math os pathlib posixpath random re sys time tomllib typing unicodedata"
)
MODULES = polyfills.MODULES | frozenset(_BUILT_IN.split())
"""What code may import."""
UNREAD = "The monty syntax parser does not yet support"
"""Begins the message of code that Monty's parser refuses."""

_MISSING = DECORATORS | {
    "globals": "keep values in variables or in a dictionary",
    "vars": "name the attributes that you need",
    "dir": "name the attributes that you need",
    "delattr": "assign None instead",
    "super": "write one class without a base",
    "issubclass": "compare the types themselves",
    "callable": "call it in a try statement",
    "ascii": "use repr",
    "memoryview": "use bytes",
    "bytearray": "use bytes or a list",
    "compile": "write the code directly",
    "__import__": "write an import statement",
    "breakpoint": "print what you want to know",
    "help": "the documentation of the functions is in the prompt",
}
"""Built-in functions that Monty lacks, and what to write instead."""
_MISSING_MODULES = {
    "contextlib": "write try and except, or a class with __enter__ and __exit__",
    "operator": "write a lambda",
    "statistics": "compute it with sum, sorted and len",
    "string": "write the characters themselves",
    "textwrap": "use the methods of text",
}
"""Modules that plans often import, and what to write instead."""
_ONLY_FULL = {"numpy", "pandas", "sympy", "sklearn", "scipy", "matplotlib"}
_NO_ATTRIBUTE = re.compile(r"(module|type object|)\s?'(\w+)'(?: object)? has no attribute '(\w+)'")
_NO_NAME = re.compile(r"cannot import name '(\w+)' from '(\w+)'")
_ARGUMENTS = "exceptions can only be called with zero or one string argument"
_GAPS = re.compile(
    rf"{UNREAD}|cannot suspend in this synchronous context|is not yet supported|"
    rf"^'list' object is not an iterator|cannot create 'object'|{_ARGUMENTS}"
)
"""Messages of what only Monty cannot do."""
_LACKING = (
    " here: methods cannot be kept as values, and some are missing; call it where it is named, or "
    "write it in another way"
)
_WORDINGS = (
    (
        r"external function '(\w+)(?:\(\))?' cannot suspend in this synchronous context",
        r"\1() cannot be called here, from a function that is called by a built-in one or by an "
        r"operator; call \1() in a for loop and keep the results in a list",
    ),
    (rf"^.*{_ARGUMENTS}", "give an exception one text, such as an f-string"),
    (rf"{UNREAD} (.*)", r"\1 cannot be used here; write it in another way"),
    (
        r"^callable replacement is not yet supported in re\.sub\(\)",
        "re.sub() takes a text here, no function; loop over re.finditer()",
    ),
    (
        r"^cannot create 'object' instances",
        "object() cannot be used here; use a dictionary, or a class of your own",
    ),
    (r" \(unknown location\)", ""),
    (r"\b_polyfill_(?:[a-z]+_)?", ""),
)


def reword(message: str) -> str:
    """Put a message of Monty's into the policy's words."""
    for pattern, wording in _WORDINGS:
        message = re.sub(pattern, wording, message)
    if _is_lacking_attribute(message):
        message += _LACKING
    return message


def missing(name: str) -> str | None:
    """Advise a policy that reaches for a built-in function that is not here."""
    return f"{name}() cannot be used here; {_MISSING[name]}" if name in _MISSING else None


def no_module(name: str) -> str:
    """Say that there is no module, what to write instead, and what there is."""
    top = name.partition(".")[0]
    if top in polyfills.MODULES:
        offered = (part for part in polyfills.public(top) if part != "module")
        return f"{name} has here only: {', '.join(offered)}"
    other = f"; the interpreter `full` has {top}" if top in _ONLY_FULL else ""
    other += f"; {_MISSING_MODULES[top]}" if top in _MISSING_MODULES else ""
    return f"No module named {name!r}{other}. There are here: {', '.join(sorted(MODULES))}"


def is_gap(message: str) -> bool:
    """Whether a message of Monty's is about what it lacks of Python."""
    name = _NO_NAME.search(message)
    lacking = name is not None and _has(name[2], name[1])
    return lacking or bool(_GAPS.search(message)) or _is_lacking_attribute(message)


def is_about_arguments(message: str) -> bool:
    """Whether a message of Monty's is about what an exception was made of."""
    return _ARGUMENTS in message


def only_full_has(module: str) -> bool:
    """Whether the full interpreter has a module, named without its parts, that this one lacks."""
    try:
        return module not in MODULES and find_spec(module) is not None
    except ValueError:
        return False


def _is_lacking_attribute(message: str) -> bool:
    if not (found := _NO_ATTRIBUTE.search(message)):
        return False
    what, owner, name = found.groups()
    if what == "module":
        return _has(owner, name)
    return hasattr(getattr(builtins, owner, None), name) or name == "__class__"


def _has(module: str, name: str) -> bool:
    """Whether a module of CPython's that Monty has in part has a name."""
    return module in MODULES and hasattr(importlib.import_module(module), name)
