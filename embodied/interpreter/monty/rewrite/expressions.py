"""Expressions that Monty lacks: lazy iterators, methods as values, key functions, and more."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from embodied._util import parsing
from embodied.interpreter.monty.rewrite import builtin_methods, generators, statements, unsupported
from embodied.interpreter.monty.rewrite.context import Site

_CONSUMERS = {"list", "tuple", "sorted", "set", "frozenset", "dict", "sum", "min", "max"}
"""Built-in functions that read an iterable to its end at once."""
_CONSUMER_METHODS = {"join", "extend"}
_LAZY = {"map": (2, 99), "filter": (2, 2), "enumerate": (1, 2), "zip": (0, 99), "reversed": (1, 1)}
"""Built-in functions that make iterators, in Monty lists; how many arguments they take."""
_EAGER = {"map": "iterators.mapped", "filter": "iterators.filtered"}
_PLAIN = {
    "len",
    "str",
    "int",
    "float",
    "bool",
    "abs",
    "ord",
    "chr",
    "repr",
    "tuple",
    "set",
    "round",
}
"""Functions that cannot call the robot."""
_FRESH = {"range", "sorted", "list", "tuple", "set", "str"}
_FRESH_METHODS = {"split", "splitlines", "strip", "lower", "upper", "copy"}
_METHODS = {
    "bit_count",
    "bit_length",
    "difference_update",
    "format_map",
    "intersection_update",
    "is_integer",
    "subn",
    "symmetric_difference_update",
    "translate",
}
"""Methods of built-in types that Monty lacks."""
_FUNCTIONS = {
    "ascii": "objects.ascii",
    "callable": "objects.callable",
    "exit": "objects.leave",
    "input": "objects.input",
    "quit": "objects.leave",
} | {name: f"objects.{name}" for name in unsupported.CARRIERS}
"""Built-in names that Monty lacks."""


class Rewriter(ast.NodeVisitor):
    """Visits outer expressions before inner ones and changes the text where it must be."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._consumed: set[ast.AST] = set()
        """Expressions that are read to their end before anything else happens."""
        self._iterated: set[ast.AST] = set()
        """Expressions that a loop reads and nothing else can."""
        self._spread: set[ast.AST] = set()
        """Generator expressions whose parts become arguments of the call around them."""

    def visit(self, node: ast.AST) -> None:
        """Rewrite a node, then what is in it."""
        site = self._site
        self._rewrite(node)
        scope = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
        closed = site.closed
        if isinstance(node, ast.FormattedValue):
            site.closed = site.closed or not site.is_placed(node)
        site.scopes += [node] if scope else []
        for child in parsing.children(node):
            called = isinstance(node, ast.Call) and child is node.func
            if isinstance(child, ast.Attribute) and not called:
                self._value(child)
            self.visit(child)
        site.closed = closed
        if scope:
            site.scopes.pop()

    def _rewrite(self, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self._call(node)
            case ast.GeneratorExp() if node in self._spread:
                generators.take_apart(self._site, node, None)
            case ast.GeneratorExp() if node not in self._consumed:
                generators.take_apart(self._site, node, "iterators.generator")
            case ast.Name(id=name, ctx=ast.Load()) if self._is_missing(name):
                self._site.rename(node, _FUNCTIONS[name])
            case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
                self._iterated.add(iterable)
            case ast.Starred(value=value) | ast.AugAssign(op=ast.Add(), value=value):
                self._consumed.add(value)
            case ast.Delete():
                statements.delete(self._site, node)
            case ast.ClassDef():
                statements.class_definition(self._site, node)
            case ast.Import():
                statements.import_modules(self._site, node)
            case ast.ImportFrom():
                statements.import_names(self._site, node)

    def _is_missing(self, name: str) -> bool:
        return name in _FUNCTIONS and name not in self._site.bound

    # Methods and attributes as values

    def _value(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            return
        if node.attr == "__class__":
            self._site.wrap(node, f"{self._site.need('objects.type_of')}(")
        elif node.attr in builtin_methods.NAMES:
            self._method(node)

    def _method(self, node: ast.Attribute) -> None:
        """Turn `value.method` into a function that calls the method."""
        name = node.attr
        owners = f" {' '.join(sorted(builtin_methods.OWNERS[name]))} "
        call = f"lambda o, *a, **k: o.{name}(*a, **k)"
        make = self._site.need("objects.method")
        self._site.wrap(node, f"{make}({call}, {name!r}, {owners!r}, ")

    # Calls

    def _call(self, node: ast.Call) -> None:
        self._note_consumed(node)
        if isinstance(node.func, ast.Attribute):
            self._method_call(node, node.func)
        elif isinstance(node.func, ast.Name) and node.func.id not in self._site.bound:
            self._builtin_call(node, node.func)

    def _note_consumed(self, node: ast.Call) -> None:
        function = node.func
        by_name = self._site.is_builtin(function, _CONSUMERS)
        by_method = isinstance(function, ast.Attribute) and (
            function.attr in _CONSUMER_METHODS - self._site.bound
        )
        if (by_name or by_method) and len(node.args) == 1:
            self._consumed.add(node.args[0])
        if self._site.is_builtin(function, {"sum"}):
            self._consumed.update(node.args[:1])

    def _builtin_call(self, node: ast.Call, function: ast.Name) -> None:
        name = function.id
        if name in ("any", "all") and len(node.args) == 1:
            self._quantifier(node, function)
        elif name in ("sorted", "min", "max") and self._has_risky_key(node):
            self._site.rename(function, f"ordering.{name}")
        elif name == "object" and not node.args:
            self._site.rename(function, "objects.object")
        elif name in _LAZY and _LAZY[name][0] <= len(node.args) <= _LAZY[name][1]:
            self._iterator(node, function)
        elif name in unsupported.EXCEPTIONS and node.args and not _is_one_text(node.args):
            self._check_text(node, name)

    def _quantifier(self, node: ast.Call, function: ast.Name) -> None:
        """`any` and `all` end as soon as they can."""
        argument = node.args[0]
        if isinstance(argument, ast.GeneratorExp):
            shares_brackets = self._site.source.end(argument) == self._site.source.end(node)
            simple = shares_brackets and generators.kinds(argument) in ("n", "ni")
            self._spread |= {argument} if simple else set()
            self._site.rename(function, f"iterators.{function.id}{'_of' if simple else ''}")
        elif isinstance(argument, ast.Call) and self._site.is_builtin(argument.func, _LAZY.keys()):
            self._site.rename(function, f"iterators.{function.id}")

    def _has_risky_key(self, node: ast.Call) -> bool:
        """Whether a call has a key function that might call the robot."""
        key = next((keyword.value for keyword in node.keywords if keyword.arg == "key"), None)
        if isinstance(key, ast.Lambda):
            return any(not self._is_harmless(call) for call in _calls(key.body))
        return isinstance(key, ast.Name) and not self._site.is_builtin(key, _PLAIN)

    def _is_harmless(self, call: ast.Call) -> bool:
        return isinstance(call.func, ast.Attribute) or self._site.is_builtin(call.func, _PLAIN)

    def _iterator(self, node: ast.Call, function: ast.Name) -> None:
        name = function.id
        plain = bool(node.args) and self._site.is_builtin(node.args[0], _PLAIN)
        risky = name in _EAGER and not plain
        if node in self._consumed:
            if risky:
                self._site.rename(function, _EAGER[name])
        elif risky or not self._is_read_once(node):
            self._site.rename(function, f"iterators.{name}")

    def _is_read_once(self, node: ast.Call) -> bool:
        """Whether a list does for an iterator: a loop reads it, and its items cannot change."""
        return node in self._iterated and all(map(self._is_fresh, node.args))

    def _is_fresh(self, node: ast.expr) -> bool:
        """Whether nothing else can hold, and so change, what an expression gives."""
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _FRESH_METHODS
            return method or self._site.is_builtin(node.func, _FRESH)
        kinds = ast.Constant | ast.JoinedStr | ast.List | ast.Tuple | ast.Set | ast.ListComp
        return isinstance(node, kinds)

    def _check_text(self, node: ast.Call, name: str) -> None:
        """Monty's exceptions take one text."""
        source = self._site.open(node)
        opening = f"{self._site.need('objects.text')}({name!r}, "
        source.insert_before(source.start(node.args[0]), opening)
        source.insert_after(source.end(node) - 1, ")")

    def _method_call(self, node: ast.Call, function: ast.Attribute) -> None:
        name, dotted = function.attr, ast.unparse(function)
        if dotted == "sys.exit" and "sys" in self._site.bound:
            self._site.rename(function, "objects.leave")
        elif dotted == "str.maketrans" and "str" not in self._site.bound:
            self._site.rename(function, "objects.maketrans")
        elif name in _METHODS or (name == "sub" and _may_be_function(node, function)):
            self._to_function(node, function, f"objects.{name}")
        elif name == "sort" and self._has_risky_key(node):
            self._to_function(node, function, "ordering.sort")
        elif name in builtin_methods.NAMES and self._site.is_builtin(
            function.value, builtin_methods.TYPES
        ):
            self._method(function)

    def _to_function(self, node: ast.Call, function: ast.Attribute, definition: str) -> None:
        """Turn `value.method(…)` into `definition(value, …)`."""
        comma = ", " if node.args or node.keywords else ""
        self._site.wrap(function, f"{self._site.need(definition)}(", comma)
        source = self._site.source
        bracket = self._site.word(source.end(function), source.end(node), "(")
        source.replace(bracket, bracket + 1, "")


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Call))


def _may_be_function(call: ast.Call, function: ast.Attribute) -> bool:
    """Whether a replacement that is given to `re.sub`, or to a pattern's, may be a function."""
    by_name = [keyword.value for keyword in call.keywords if keyword.arg == "repl"]
    of_module = isinstance(function.value, ast.Name) and function.value.id == "re"
    replacements = [*call.args[1 if of_module else 0 : 2], *by_name]
    return any(not isinstance(node, ast.Constant | ast.JoinedStr) for node in replacements)


def _is_one_text(args: list[ast.expr]) -> bool:
    return len(args) == 1 and _is_text(args[0])


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
            return _is_text(left)
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "join")):
            return _is_text(value)
    return False
