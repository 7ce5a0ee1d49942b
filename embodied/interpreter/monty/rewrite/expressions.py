"""Expressions that Monty lacks: above all, iterators that compute an item when it is asked for.

Monty computes generator expressions, `map` and the like at once. That is the same where they are
read to their end before anything else happens; `any`, `all` and `next` are rewritten; the rest is
refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from embodied._util import parsing
from embodied.interpreter.monty.rewrite import statements, unsupported
from embodied.interpreter.monty.rewrite.context import RewriteContext
from embodied.interpreter.monty.rewrite.source_edits import called_name

_LAZY = frozenset({"map", "filter", "enumerate", "zip", "reversed"})
"""Built-in functions that make iterators, in Monty lists."""
_TYPES = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set"})
_TYPES |= {"str", "tuple"}
_READERS = _LAZY | {"all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted"}
_READERS |= {"sum", "tuple"}
"""Built-in functions that read an iterable to its end at once."""
_OTHER_READERS = {"Counter", "OrderedDict", "deque", "extend", "fsum", "join", "prod", "reduce"}
_OTHER_READERS |= {"sort"}
"""Methods and names from modules that do so."""
_EARLY = frozenset({"all", "any", "next"})
_CHANGES = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"}
"""Methods that change a list."""
_VALUE, _MORE = "_polyfill_value", "_polyfill_more"
_KEEP, _UNTIL = "_polyfill_keep", "_polyfill_until"
_ADVICE = "this generator expression cannot be used here; write a list, or a for loop"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Rewriter(ast.NodeVisitor):
    """Visits outer expressions before inner ones and changes the text where it must be."""

    def __init__(self, context: RewriteContext) -> None:
        self._context = context
        self._read: set[ast.AST] = set()
        """Expressions that are read to their end before anything else happens."""
        self._early: set[ast.AST] = set()
        """Generator expressions that have been rewritten."""

    def visit(self, node: ast.AST) -> None:
        """Rewrite a node, then what is in it."""
        context = self._context
        unsupported.check(node, context.bound, context.in_function)
        self._rewrite(node)
        scope, closed = isinstance(node, _SCOPES), context.closed
        if isinstance(node, ast.FormattedValue):
            context.closed = closed or not context.is_placed(node)
        context.scopes += [node] if scope else []
        for child in parsing.children(node):
            self.visit(child)
        context.closed = closed
        if scope:
            context.scopes.pop()

    def _rewrite(self, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self._call(node)
            case ast.GeneratorExp() if node not in self._read | self._early:
                self._context.refuse(node, _ADVICE)
            case ast.Name(id=name, ctx=ast.Load()) if name not in self._context.bound:
                self._name(node)
            case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
                self._loop(node, iterable)
            case ast.Starred(value=value) | ast.AugAssign(op=ast.Add(), value=value):
                self._read.add(value)
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
                self._read.add(value)
            case ast.Compare(comparators=[*others]):
                self._read.update(o for o in others if not isinstance(o, ast.GeneratorExp))
            case ast.Delete():
                statements.delete(self._context, node)
            case ast.ClassDef(bases=[base]):
                self._context.replace(base, "")
            case ast.Import():
                statements.import_modules(self._context, node)
            case ast.ImportFrom():
                statements.import_names(self._context, node)

    def _name(self, node: ast.Name) -> None:
        """Replace the name of a function or exception that Monty lacks."""
        match node.id:
            case "exit" | "quit":
                self._context.replace(node, self._context.need("objects.leave"))
            case "input" | "EOFError":
                self._context.replace(node, self._context.need(f"objects.{node.id}"))
            case name if name in unsupported.OS_ERRORS:
                self._context.replace(node, "OSError")

    def _loop(self, node: ast.For | ast.comprehension, iterable: ast.expr) -> None:
        """Let a loop read an iterator, if its body does not change what that reads."""
        if not isinstance(iterable, ast.GeneratorExp):
            self._read.add(iterable)
        if isinstance(node, ast.For) and self._is_lazy(iterable):
            calls = [call for call in ast.walk(iterable) if isinstance(call, ast.Call)]
            read = {arg.id for call in calls for arg in call.args if isinstance(arg, ast.Name)}
            for name in read & set(_changed(node)):
                self._context.refuse(iterable, f"this loop changes {name}; loop over list({name})")

    def _call(self, node: ast.Call) -> None:
        name = called_name(node)
        builtin = self._context.is_builtin(node.func, _READERS | _EARLY)
        first = node.args[0] if node.args else None
        if builtin and name in _EARLY and isinstance(first, ast.GeneratorExp):
            self._context.open(node)
            self._context.replace(node.func, self._context.need(f"iterators.{name}_of"))
            self._end_early(first)
            self._early.add(first)
        elif (builtin and name in _READERS) or name in _OTHER_READERS:
            self._read.update(node.args)
            self._methods_as_keys(node)
        if self._is_lazy(node) and node not in self._read:
            self._context.refuse(node, f"{name}() is read at once here; write list({name}(...))")

    def _end_early(self, node: ast.GeneratorExp) -> None:
        """Rewrite a generator expression, of which its own parentheses are part.

        `any(x > 1 for x in xs)` becomes `any_of(lambda keep, until: [keep(x > 1) for x in
        until(xs)])`: every part stays on its line.
        """
        scopes = self._context.scopes
        in_class = bool(scopes) and isinstance(scopes[-1], ast.ClassDef)
        if in_class or any(map(_is_entangled, ast.walk(node))):
            self._context.refuse(node, _ADVICE)
        source = self._context.open(node)
        source.insert_before(source.start(node) + 1, f"lambda {_KEEP}, {_UNTIL}: [")
        source.insert_after(source.end(node) - 1, "]")
        parts = [(node.elt, _KEEP), *((clause.iter, _UNTIL) for clause in node.generators)]
        for part, function in parts:
            source.insert_before(source.start(part), f"{function}(")
            source.insert_after(source.end(part), ")")

    def _is_lazy(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and self._context.is_builtin(node.func, _LAZY)

    def _methods_as_keys(self, node: ast.Call) -> None:
        """Turn `key=d.get` into `key=lambda v: d.get(v)`: Monty's methods are no values."""
        functions = [keyword.value for keyword in node.keywords if keyword.arg == "key"]
        functions += node.args[:1] if called_name(node) in ("map", "filter") else []
        for function in functions:
            if isinstance(function, ast.Attribute):
                source = self._context.open(node)
                of_type = self._context.is_builtin(function.value, _TYPES)
                source.insert_before(source.start(function), f"(lambda {_VALUE}, *{_MORE}: ")
                arguments = f"*{_MORE}" if of_type else f"{_VALUE}, *{_MORE}"
                source.insert_after(source.end(function), f"({arguments}))")
                if of_type:
                    self._context.replace(function.value, _VALUE)


def _is_entangled(node: ast.AST) -> bool:
    """Whether a part of a generator expression binds outer names or waits."""
    is_async = isinstance(node, ast.comprehension) and node.is_async
    return bool(is_async) or isinstance(node, ast.NamedExpr | ast.Await)


def _changed(loop: ast.For) -> Iterator[str]:
    """Names of lists that the body of a loop changes in place."""
    for node in (node for statement in loop.body for node in ast.walk(statement)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in _CHANGES:
                    yield name
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Del()):
                yield name
