"""Statements and classes that Monty cannot run, and what to write instead."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence, Set

from embodied.interpreter.monty.subset.refusal import UnsupportedError
from embodied.interpreter.monty.subset.surface import exists

_SPECIAL = (
    "__bool__ __bytes__ __class_getitem__ __complex__ __del__ __delattr__ __format__ __get__ "
    "__getattr__ __getattribute__ __init_subclass__ __len__ __missing__ __ne__ __new__ "
    "__reversed__ __set__ __setattr__ __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ "
    "__imod__ __ipow__ __iand__ __ior__ __ixor__ __imatmul__"
)
_SORT = "compare attributes, and sort with a key function"
_ORDER = dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), _SORT)
_METHODS = _ORDER | dict.fromkeys(_SPECIAL.split(), "write a plain method and call it")
"""Methods with a meaning that Monty does not know, and what to write instead."""
DECORATORS = {
    "classmethod": "write a function outside the class",
    "staticmethod": "write a function outside the class",
    "property": "write a method and call it",
}
_BASES = {
    "Enum": "write constants, or a dictionary",
    "NamedTuple": "use collections.namedtuple, or @dataclass",
    "TypedDict": "use a plain dictionary",
} | dict.fromkeys(("ABC", "Generic", "Protocol"), "leave the base out")


def check(node: ast.AST, bound: Set[str], scopes: Sequence[ast.AST]) -> None:
    """Raise `UnsupportedError` where a part of the code cannot be run for what it is.

    Args:
        node: the part.
        bound: names that are not the built-in ones.
        scopes: the functions and classes around it, outermost first.
    """
    scope = scopes[-1] if scopes else None
    match node:
        case ast.Yield() | ast.YieldFrom():
            _refuse(node, "generator functions (yield)", "build a list and return it")
        case ast.Return() if scope is None or isinstance(scope, ast.ClassDef):
            _malformed(node, "'return' outside function")
        case ast.Await() if scope is not None and not isinstance(scope, ast.AsyncFunctionDef):
            _malformed(node, "'await' outside async function")
        case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]) if exists(module):
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
            advice = DECORATORS.get(name, "write a plain method")
            _refuse(decorator, f"the decorator @{name} on a method", advice)
    bases = [ast.unparse(base) for base in node.bases]
    if bases == ["object"] and "object" not in bound and not node.keywords:
        return
    for base in [*bases, *("metaclass" for _ in node.keywords)]:
        name = base.partition("[")[0].rpartition(".")[2]
        advice = _BASES.get(name, "write one class without a base")
        kind = vars(builtins).get(name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            advice = "raise a built-in exception such as ValueError"
        elif name.endswith("Enum"):
            advice = _BASES["Enum"]
        _refuse(node, f"class inheritance ({base})", advice)


def _refuse(node: ast.AST, what: str, advice: str) -> None:
    raise UnsupportedError(node, f"{what} cannot be used here; {advice}")


def _malformed(node: ast.AST, message: str) -> None:
    raise UnsupportedError(node, message, "SyntaxError", lacking=False)
