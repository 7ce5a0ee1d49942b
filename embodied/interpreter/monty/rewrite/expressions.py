"""Expressions that Monty lacks: above all, iterators that compute an item when it is asked for.

Monty computes generator expressions, `map` and the like at once. That is the same where they are
read to their end before anything else happens. Elsewhere functions of `polyfills` take their place,
and other generator expressions are refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Set

from embodied._util import parsing
from embodied.interpreter.awaited_calls import PREFIX, AwaitedCalls
from embodied.interpreter.monty.rewrite import regexes, statements, values
from embodied.interpreter.monty.rewrite.context import RewriteContext
from embodied.interpreter.monty.subset import constructs
from embodied.interpreter.monty.subset.names import called_name

_COMPUTING = frozenset({"map", "filter"})
_PAIRING = frozenset({"enumerate", "zip", "reversed"})
_LAZY = _COMPUTING | _PAIRING
"""Built-in functions that make iterators, in Monty lists."""
_ARGUMENTS = {"enumerate": 1, "filter": 2, "map": 2, "zip": 0}
"""How many arguments they take at least."""
_TYPES = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set"})
_TYPES |= {"str", "tuple"}
_READERS = frozenset({"dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple"})
"""Built-in functions that read an iterable to its end at once."""
_OTHER_READERS = {"Counter", "deque", "fsum", "join", "prod", "sort"}
"""Methods and names from modules that do so."""
_EARLY = frozenset({"all", "any", "next"})
_CHANGES = {"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert"}
_CHANGES |= {"pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort"}
_CHANGES |= {"subtract", "update"}
"""Methods that change what they are called on."""
_VALUE, _MORE = "_polyfill_value", "_polyfill_more"
_KEEP, _UNTIL = "_polyfill_keep", "_polyfill_until"
_ADVICE = "this generator expression cannot be used here; write a list, or a for loop"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Rewriter(ast.NodeVisitor):
    """Visits outer expressions before inner ones and changes the text where it must be."""

    def __init__(self, context: RewriteContext, actions: Set[str], awaited: AwaitedCalls) -> None:
        self._context = context
        self._actions = actions
        self._awaited = awaited
        self._read: set[ast.AST] = set()
        """Expressions that are read to their end before anything else happens."""
        self._early: set[ast.AST] = set()
        """Generator expressions that have been rewritten."""

    def visit(self, node: ast.AST) -> None:
        """Rewrite a node, then what is in it."""
        context = self._context
        constructs.check(node, context.bound, context.scopes)
        self._rewrite(node)
        scope, closed = isinstance(node, _SCOPES), context.closed
        if isinstance(node, ast.FormattedValue):
            context.closed = closed or not context.is_placed(node)
            values.format_value(context, node)
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
            case ast.Name(id="input" | "EOFError" | "exit" | "quit", ctx=ast.Load()):
                values.named(self._context, node)
            case ast.For(iter=iterable, body=body):
                self._loop(iterable, body)
            case ast.ListComp(generators=clauses) | ast.SetComp(generators=clauses):
                self._comprehension(node, clauses)
            case ast.DictComp(generators=clauses) | ast.GeneratorExp(generators=clauses):
                self._comprehension(node, clauses)
            case ast.Subscript(ctx=ast.Store()):
                values.store(self._context, node)
            case ast.Starred(value=value):
                self._read.add(value)
            case ast.AugAssign(op=ast.Add(), value=value):
                self._unpack(value)
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
                self._unpack(value)
            case ast.Delete():
                statements.delete(self._context, node)
            case ast.ClassDef(bases=[base]):
                self._context.replace(base, "")

    def _loop(self, iterable: ast.expr, body: Iterable[ast.AST]) -> None:
        """Let a loop read pairs at once, if nothing in its body can change what they come from."""
        if self._context.is_call_of(iterable, _PAIRING):
            computed = (self._context.is_call_of(n, _COMPUTING) for n in parsing.walk(iterable))
            parts = (part for statement in body for part in parsing.walk(statement))
            if not any(computed) and not any(map(self._may_change, parts)):
                self._read.add(iterable)

    def _comprehension(self, node: ast.AST, clauses: list[ast.comprehension]) -> None:
        for clause in clauses:
            self._loop(clause.iter, [node])
        if isinstance(node, ast.DictComp):
            values.dictionary(self._context, node)

    def _may_change(self, node: ast.AST) -> bool:
        """Whether a part of the code may change a list or dictionary in place."""
        match node:
            case ast.Call(func=ast.Attribute(attr=name)):
                return name in _CHANGES or name in self._context.bound
            case ast.Call(func=ast.Name(id=name)):
                return name in self._context.bound and name not in self._actions
            case ast.Subscript():
                return not isinstance(node.ctx, ast.Load)
        return isinstance(node, ast.AugAssign)

    def _unpack(self, value: ast.expr) -> None:
        """Let an unpacking read a generator expression that calls nothing, or pairs."""
        if not any(isinstance(part, ast.Call) for part in parsing.walk(value)[1:]):
            self._read.add(value)

    def _call(self, node: ast.Call) -> None:
        context = self._context
        name = called_name(node)
        if action := self._awaited.get(node.func):
            context.replace(node.func, PREFIX + action)
        builtin = context.is_builtin(node.func, _READERS | _EARLY | _LAZY)
        first = node.args[0] if node.args else None
        if builtin and isinstance(first, ast.GeneratorExp) and self._ends_early(name, first):
            context.open(node)
            context.replace(node.func, context.need(f"iterators.{name}_of"))
            self._end_early(first)
            self._early.add(first)
        elif (builtin and name in _READERS) or name in _OTHER_READERS:
            self._read.update(node.args)
        elif name == "extend":
            self._unpack(*node.args[:1])
        if builtin and name in _LAZY:
            self._lazy(node, name)
        if builtin or name in _OTHER_READERS:
            self._methods_as_keys(node)
        values.call(context, node)
        regexes.call(context, node)

    def _lazy(self, node: ast.Call, name: str) -> None:
        """Keep an iterator that is read at once, and compute the items of others one by one."""
        if node in self._read:
            self._read.update(arg for arg in node.args if self._context.is_call_of(arg, _PAIRING))
        elif name == "reversed" or (name == "zip" and node.keywords):
            self._context.refuse(node, f"{name}() is read at once here; write list({name}(...))")
        elif len(node.args) >= _ARGUMENTS[name]:
            self._context.replace(node.func, self._context.need(f"iterators.lazy_{name}"))

    def _ends_early(self, name: str, argument: ast.GeneratorExp) -> bool:
        """Whether a function need not read all items: `sum` fails at one that does not fit."""
        calls = (part for part in parsing.walk(argument) if isinstance(part, ast.Call))
        bound = self._context.bound
        return name in _EARLY or (name == "sum" and any(called_name(c) in bound for c in calls))

    def _end_early(self, node: ast.GeneratorExp) -> None:
        """Rewrite a generator expression, of which its own parentheses are part.

        `any(x > 1 for x in xs)` becomes `any_of(lambda keep, until: [keep(x > 1) for x in
        until(xs)])`: every part stays on its line.
        """
        if not self._context.can_be_lambda(node):
            self._context.refuse(node, _ADVICE)
        source = self._context.open(node)
        source.insert_before(source.start(node) + 1, f"lambda {_KEEP}, {_UNTIL}: [")
        source.insert_after(source.end(node) - 1, "]")
        parts = [(node.elt, _KEEP), *((clause.iter, _UNTIL) for clause in node.generators)]
        for part, function in parts:
            source.insert_before(source.start(part), f"{function}(")
            source.insert_after(source.end(part), ")")

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
