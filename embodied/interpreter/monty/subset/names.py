"""Names, attributes and arguments that mean something else in Monty, or nothing at all."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, NoReturn

from embodied._util import parsing
from embodied.interpreter.monty.subset import advice, surface
from embodied.interpreter.monty.subset.refusal import UnsupportedError
from embodied.interpreter.parsed_code import BoundNames, ParsedCode

_BY_NUMBER = {"end", "span", "start"}
"""Methods of a match that know groups by their numbers only."""
_WITH_KEY = {"filter", "map"}
_MATCHING = {"search", "match", "fullmatch"}
_SHOWING = {"print", "str", "repr"}
_READABLE = {"__name__", "__debug__"}


class NameChecker:
    """Checks one code action.

    Args:
        code: the action.
        bound: names that the session or this code binds anywhere, and the robot's actions.
        fields: attributes that values of the robot's types have.
    """

    def __init__(self, code: ParsedCode, bound: Set[str], fields: Set[str] = frozenset()) -> None:
        nodes = self._nodes = code.nodes
        self._bound = bound | code.names.bound
        self._own = (bound - code.names.bound) | fields | set(_members(nodes))
        """Attributes that objects of the code may have, whatever they mean elsewhere."""
        self._modules = modules_of(nodes, self._bound)
        self._called: set[ast.AST] = set(_called_or_keys(nodes))
        tries = (node for node in nodes if isinstance(node, ast.Try))
        self._tried = {part for node in tries for part in node.body}
        """Statements that prepare for a failure."""
        self._matches = set(_match_names(nodes))
        self._named: set[ast.AST] = set(_only_named(nodes))

    def check(self) -> None:
        """Raise `UnsupportedError` for the first part that Monty has no equal of."""
        for node in self._nodes:
            check = _CHECKS.get(type(node))
            if check is not None:
                check(self, node)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._module(node, alias.name)
            if alias.name == "re" and alias.asname not in (None, "re"):
                raise UnsupportedError(node, "write `import re`, without another name")

    def _module(self, node: ast.Import | ast.ImportFrom, name: str) -> None:
        lacking = surface.only_full_has(name)
        if lacking or not (surface.exists(name) or self._may_fail(node)):
            message = advice.no_module(name)
            raise UnsupportedError(node, message, "ModuleNotFoundError", lacking=lacking)

    def _may_fail(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether an import may fail where it stands: it is prepared for, or nothing ran before."""
        before = (n for n in self._nodes if isinstance(n, ast.Call) and n.lineno < node.lineno)
        return node in self._tried or (node.names[0].name != "*" and not any(before))

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self._module(node, module)
        if module == "re":
            raise UnsupportedError(node, "write `import re`, and re.search(...) and the like")
        for alias in node.names:
            self._taken(node, module, alias.name)

    def _taken(self, node: ast.AST, module: str, name: str) -> None:
        """Refuse a name of a module that Monty's module lacks."""
        if surface.lacks(module, name):
            names = ", ".join(sorted(surface.MODULES[module]))
            message = f"{module}.{name} cannot be used here; {module} has here: {names}"
            raise UnsupportedError(node, message)

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            return
        name = node.id
        if self._modules.get(name) == "re" and node not in self._called:
            raise UnsupportedError(node, "call re directly, as in re.search(...)")
        if name in self._bound:
            return
        if name == "type" and node not in self._called:
            raise UnsupportedError(node, "`type` as a value cannot be used here; name the types")
        unknown = name.startswith("__") and name not in _READABLE
        if unknown or (surface.is_builtin(name) and name not in surface.BUILTINS):
            raise UnsupportedError(node, advice.missing(name))

    def _attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        if module := self._modules.get(_dotted(node.value), ""):
            self._taken(node, module, name)
            if module == "re" and name in surface.WITH_PATTERNS and node not in self._called:
                raise UnsupportedError(node, f"call re.{name}() where it is named")
        elif name in self._own:
            return
        elif name.startswith("__"):
            if node not in self._named:
                self._refuse_attribute(node, "it is not there, or not the same")
        elif name in surface.LACKING:
            self._refuse_attribute(node, "write it in another way")
        elif name in surface.CALLED and node not in self._called:
            instead = "methods cannot be kept as values; call it where it is named"
            self._refuse_attribute(node, instead)

    def _refuse_attribute(self, node: ast.Attribute, instead: str) -> NoReturn:
        raise UnsupportedError(node, f".{node.attr} cannot be used here; {instead}")

    def _call(self, node: ast.Call) -> None:
        name = called_name(node)
        if name in _SHOWING and isinstance(node.func, ast.Name):
            self._shown(*node.args)
        if name in (self._bound if isinstance(node.func, ast.Name) else self._own):
            return
        if name in surface.SHAPES:
            self._shape(node, name)
        elif name == "open" and not all(map(_reads, [*node.args[1:], *node.keywords])):
            self._refuse_arguments(node, name, "there are no files here")
        elif name in _BY_NUMBER and any(map(_is_text, node.args)):
            self._refuse_arguments(node, name, "give the number of the group")
        elif name in surface.ERRORS and isinstance(node.func, ast.Name) and not _is_of_text(node):
            raise UnsupportedError(node, advice.ONE_TEXT)

    def _shown(self, *nodes: ast.expr) -> None:
        """Refuse to show a whole match: of a long one, CPython shows the beginning."""
        for node in nodes:
            if _is_match(node) or (isinstance(node, ast.Name) and node.id in self._matches):
                raise UnsupportedError(node, "show a part of the match, such as m.group()")

    def _formatted(self, node: ast.FormattedValue) -> None:
        self._shown(node.value)

    def _shape(self, node: ast.Call, name: str) -> None:
        least, most, keywords = surface.SHAPES[name]
        given = {keyword.arg for keyword in node.keywords}
        starred = most == 1 and any(isinstance(arg, ast.Starred) for arg in node.args)
        fits = least <= len(node.args) <= most and not starred
        if not fits or (keywords is not None and not given <= keywords):
            by_name = f", and by name {', '.join(sorted(keywords))}" if keywords else ""
            self._refuse_arguments(node, name, f"it takes {most} by position{by_name}")

    @staticmethod
    def _refuse_arguments(node: ast.Call, name: str, instead: str) -> NoReturn:
        raise UnsupportedError(node, f"{name}() does not take these arguments here; {instead}")

    def _dict(self, node: ast.Dict) -> None:
        numbers = [key for key in node.keys if key is not None and not _is_string(key)]
        if len(numbers) > 1 and not all(isinstance(key, ast.Constant) for key in numbers):
            raise UnsupportedError(node, "fill a dictionary whose keys may be equal in a loop")
        seen: dict[Any, type] = {}
        for key in node.keys:
            if not isinstance(key, ast.Constant):
                continue
            if seen.setdefault(key.value, type(key.value)) is not type(key.value):
                message = f"two keys equal {key.value!r} but are of two types; leave one out"
                raise UnsupportedError(key, message)


_CHECKS: dict[type[ast.AST], Callable[[NameChecker, Any], None]] = {
    ast.Import: NameChecker._import,
    ast.ImportFrom: NameChecker._import_from,
    ast.Name: NameChecker._name,
    ast.Attribute: NameChecker._attribute,
    ast.Call: NameChecker._call,
    ast.Dict: NameChecker._dict,
    ast.FormattedValue: NameChecker._formatted,
}


def modules_of(nodes: Sequence[ast.AST], bound: Set[str]) -> dict[str, str]:
    """Map the names under which code has modules, as it writes them, to the modules.

    A name that an earlier action bound stands for the module of that name.
    """
    imported = [
        (alias.asname or alias.name.partition(".")[0], alias.name if alias.asname else None)
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stored |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    found = {name: name for name in (surface.IMPORTABLE & bound) - stored}
    found |= {name: module or name for name, module in imported}
    found |= {f"{name}.path": "os.path" for name, module in found.items() if module == "os"}
    return found


def called_name(node: ast.Call) -> str:
    """Name the function or method that a call names; empty for any other expression."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _dotted(node: ast.expr) -> str:
    """Write the name of a module, or of one of its parts; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=part):
            return f"{name}.{part}"
    return ""


def _members(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names of methods and other attributes that code defines."""
    for node in nodes:
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.ClassDef(body=body):
                yield from BoundNames.of(body).bound
                targets = (part for part in body if isinstance(part, ast.Assign | ast.AnnAssign))
                yield from BoundNames.of([n for t in targets for n in parsing.walk(t)]).bound
            case ast.Call(func=ast.Name(id="namedtuple"), args=[_, fields]):
                texts = map(_text, parsing.walk(fields))
                yield from (name for text in texts for name in text.replace(",", " ").split())


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _called_or_keys(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield what is called at once, or by the built-in function that it is given to."""
    for node in nodes:
        match node:
            case ast.Call(func=function, args=args):
                yield function
                yield from (k.value for k in node.keywords if k.arg == "key")
                yield from args[:1] if called_name(node) in _WITH_KEY else ()
            case ast.Attribute(value=ast.Name() as value):
                yield value


def _only_named(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield `.__name__` of a type, and `self.__class__`."""
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="type")), attr="__name__"):
                yield node
            case ast.Attribute(value=ast.Attribute(attr="__class__"), attr="__name__"):
                yield node
            case ast.Attribute(value=ast.Name(id="self"), attr="__class__"):
                yield node


def _is_match(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called_name(node) in _MATCHING


def _match_names(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names of variables that hold matches."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_match(value):
                yield name
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if _is_match(value):
                yield name


def _reads(node: ast.AST) -> bool:
    """Whether an argument of `open` lets it read."""
    match node:
        case ast.Constant(value="r" | "rt" | "rb") | ast.keyword(arg="encoding" | "errors"):
            return True
        case ast.keyword(arg="mode", value=value):
            return _reads(value)
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_string(node: ast.expr) -> bool:
    return _is_text(node) or isinstance(node, ast.JoinedStr)


def _is_of_text(node: ast.Call) -> bool:
    """Whether an exception is made of nothing, or of what may be a text."""
    if len(node.args) > 1 or node.keywords:
        return False
    built = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Starred, ast.ListComp, ast.Lambda)
    return all(
        _is_text(arg) if isinstance(arg, ast.Constant) else not isinstance(arg, built)
        for arg in node.args
    )
