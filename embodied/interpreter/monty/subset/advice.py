"""What a policy is told of what cannot be used, and what to write instead."""

from __future__ import annotations

from embodied.interpreter.monty.subset import surface
from embodied.interpreter.monty.subset.constructs import DECORATORS

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
    "hash": "compare the values themselves",
    "hasattr": "compare the type, or use a try statement",
    "getattr": "write the attribute, or use a dictionary",
    "exec": "write the code directly",
    "eval": "write the code directly, or use json.loads",
    "locals": "name the variables that you need",
    "Warning": "raise a built-in exception such as ValueError",
}
"""Built-in names that cannot be used, and what to write instead."""
_MISSING_MODULES = {
    "heapq": "sort a list, or use bisect.insort",
    "contextlib": "write try and except, or a class with __enter__ and __exit__",
    "operator": "write a lambda",
    "statistics": "compute it with sum, sorted and len",
    "string": "write the characters themselves",
    "textwrap": "use the methods of text",
}
"""Modules that plans often import, and what to write instead."""
_ONLY_FULL = {"numpy", "pandas", "sympy", "sklearn", "scipy", "matplotlib"}
NOT_FROM_BUILTIN = (
    "{0}() cannot be called here, from a function that is called by a built-in one or by an "
    "operator; call {0}() in a for loop and keep the results in a list"
)
"""Refuses a call of the robot where Monty cannot wait for it; takes the name of the action."""
ONE_TEXT = "give an exception one text, such as an f-string"
"""Refuses exceptions that are made of anything else."""


def missing(name: str) -> str:
    """Advise a policy that reaches for a built-in name that is not here."""
    called = "" if name.startswith("__") or name[0].isupper() else "()"
    return f"{name}{called} cannot be used here; {_MISSING.get(name, 'write it in another way')}"


def no_module(name: str) -> str:
    """Say that there is no module, what to write instead, and what there is."""
    top = name.partition(".")[0]
    if not surface.exists(name):
        return f"No module named {name!r}; the robot's functions are there without an import"
    other = f"; the interpreter `full` has {top}" if top in _ONLY_FULL else ""
    other += f"; {_MISSING_MODULES[top]}" if top in _MISSING_MODULES else ""
    here = ", ".join(sorted(surface.IMPORTABLE))
    return f"No module named {name!r}{other}. There are here: {here}"
