"""Python that the restricted interpreter does not have, and what to write instead."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Set
from typing import Any

from embodied._util import parsing
from embodied.trajectory import ErrorRecord

EXCEPTIONS = frozenset(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)
"""Names of the built-in exceptions."""

CARRIERS = frozenset(
    {
        "BlockingIOError",
        "BrokenPipeError",
        "ChildProcessError",
        "ConnectionAbortedError",
        "ConnectionError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "EOFError",
        "EnvironmentError",
        "IOError",
        "InterruptedError",
        "ProcessLookupError",
    }
)
"""Exceptions that Monty does not know and that come as another, which `prelude` names."""

_MISSING = {
    "globals": "keep values in variables or in a dictionary",
    "vars": "name the attributes that you need",
    "dir": "name the attributes that you need",
    "delattr": "assign None instead",
    "super": "write one class without a base",
    "classmethod": "write a function outside the class",
    "staticmethod": "write a function outside the class",
    "property": "write a method and call it",
    "issubclass": "compare the types themselves",
    "memoryview": "use bytes",
    "bytearray": "use bytes or a list",
    "compile": "write the code directly",
    "__import__": "write an import statement",
    "breakpoint": "print what you want to know",
    "help": "the documentation of the functions is in the prompt",
}
_ORDER = "compare attributes, and sort with a key function"
_PLAINLY = "write a plain method and call it"
_METHODS = dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), _ORDER) | dict.fromkeys(
    (
        "__bool__",
        "__bytes__",
        "__class_getitem__",
        "__complex__",
        "__del__",
        "__delattr__",
        "__format__",
        "__get__",
        "__getattr__",
        "__getattribute__",
        "__init_subclass__",
        "__len__",
        "__missing__",
        "__ne__",
        "__new__",
        "__reversed__",
        "__set__",
        "__setattr__",
        *(f"__i{operation}__" for operation in ("add", "sub", "mul", "truediv", "floordiv")),
        *(f"__i{operation}__" for operation in ("mod", "pow", "and", "or", "xor", "matmul")),
    ),
    _PLAINLY,
)
"""Methods with a meaning that Monty does not know, and what to write instead."""
_BASES = {
    "Enum": "write constants, or a dictionary",
    "IntEnum": "write constants, or a dictionary",
    "StrEnum": "write constants, or a dictionary",
    "NamedTuple": "use collections.namedtuple, or @dataclass",
    "TypedDict": "use a plain dictionary",
    "ABC": "leave the base out",
    "Protocol": "leave the base out",
    "Generic": "leave the base out",
}


class RefusedError(Exception):
    """Code cannot be run.

    Args:
        node: the part that is at fault.
        kind: the type of the error that the policy is shown.
        message: what is not supported and what to write instead.
    """

    def __init__(self, node: ast.AST, kind: str, message: str) -> None:
        super().__init__(message)
        place: Any = node
        self.record = ErrorRecord(
            type=kind, message=message, line=place.lineno, column=place.col_offset + 1
        )


def missing(name: str) -> str | None:
    """What a policy is told that reaches for a built-in function that is not here."""
    advice = _MISSING.get(name)
    return None if advice is None else f"{name}() cannot be used here; {advice}"


def check(tree: ast.Module, bound: Set[str]) -> None:
    """Find what must be refused.

    Args:
        tree: the code.
        bound: names that are not the built-in ones.

    Raises:
        RefusedError: the first thing found.
    """
    for node, in_function in _walk(tree, False):
        match node:
            case ast.Yield() | ast.YieldFrom():
                _refuse(node, "generator functions (yield)", "build a list and return it")
            case ast.Return() if not in_function:
                raise RefusedError(node, "SyntaxError", "'return' outside function")
            case ast.Await() if not in_function:
                raise RefusedError(node, "SyntaxError", "'await' outside function")
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                _refuse(node, "import *", "name what you import")
            case ast.TryStar():
                _refuse(node, "except*", "write except")
            case ast.ClassDef():
                _check_class(node, bound)
            case _ if type(node).__name__ == "TypeAlias":
                _refuse(node, "a type alias", "write an assignment")


def _check_class(node: ast.ClassDef, bound: Set[str]) -> None:
    for statement in node.body:
        name = getattr(statement, "name", "")
        if name in _METHODS:
            _refuse(statement, f"the method {name}", _METHODS[name])
        for decorator in getattr(statement, "decorator_list", []):
            name = ast.unparse(decorator)
            advice = _MISSING.get(name, "write a plain method")
            _refuse(decorator, f"the decorator @{name} on a method", advice)
    bases = [ast.unparse(base) for base in node.bases]
    if bases == ["object"] and "object" not in bound and not node.keywords:
        return
    for base in [*bases, *("metaclass" for _ in node.keywords)]:
        name = base.partition("[")[0].rpartition(".")[2]
        advice = _BASES.get(name, "write one class without a base")
        if name in EXCEPTIONS:
            advice = "raise a built-in exception such as ValueError"
        _refuse(node, f"class inheritance ({base})", advice)


def _refuse(node: ast.AST, what: str, advice: str) -> None:
    raise RefusedError(node, "NotImplementedError", f"{what} cannot be used here; {advice}")


def _walk(node: ast.AST, in_function: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes in the order of the text, and whether they are in the body of a function."""
    todo = [(node, in_function)]
    while todo:
        node, in_function = todo.pop()
        yield node, in_function
        opens = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside = (in_function or opens) and not isinstance(node, ast.ClassDef)
        children = [(child, inside) for child in parsing.children(node)]
        todo.extend(reversed(children))
