"""Expressions that Monty computes to another value: rounding, formats, keys of dictionaries."""

from __future__ import annotations

import ast
from string import Formatter

from embodied.interpreter.monty.rewrite.context import RewriteContext

_ANYTHING = frozenset("bcdeEfFgGnoxX%")
"""Format codes that fail for all but numbers, as in CPython."""
_STORE = "_polyfill_store"


def call(context: RewriteContext, node: ast.Call) -> None:
    """Rewrite calls of `round`, `dict`, `open` and `format`."""
    match node:
        case ast.Call(func=ast.Name(id="open"), args=[_, *_]):
            _replace(context, node.func, "open", "no_file")
        case ast.Call(func=ast.Name(id="round"), args=[_, _]):
            _replace(context, node.func, "round", "rounded")
        case ast.Call(func=ast.Name(id="dict"), args=[_]):
            _replace(context, node.func, "dict", "dict_of")
        case ast.Call(func=ast.Name(id="format"), args=[_, ast.Constant(value="")]):
            return
        case ast.Call(func=ast.Name(id="format"), args=[value, _]) if "format" not in context.bound:
            context.wrap(value, f"{context.need('objects.formattable')}(")
        case ast.Call(func=ast.Attribute(value=text, attr="format")):
            _format(context, node, text)


def named(context: RewriteContext, node: ast.Name) -> None:
    """Rewrite the name of a function or exception that Monty lacks."""
    if node.id not in context.bound:
        name = "leave" if node.id in ("exit", "quit") else node.id
        context.replace(node, context.need(f"objects.{name}"))


def _replace(context: RewriteContext, function: ast.expr, name: str, definition: str) -> None:
    if context.is_builtin(function, {name}):
        context.replace(function, context.need(f"objects.{definition}"))


def _format(context: RewriteContext, node: ast.Call, text: ast.expr) -> None:
    """Guard what a text formats; the text must be known."""
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        context.refuse(
            node, "format() of a text in a variable cannot be used here; use an f-string"
        )
    try:
        parts = [part[1:] for part in Formatter().parse(text.value) if part[1] is not None]
    except ValueError:
        return
    given: dict[object, ast.expr] = dict(enumerate(node.args))
    given |= {keyword.arg: keyword.value for keyword in node.keywords}
    fields = [(name or n, spec) for n, (name, spec, how) in enumerate(parts) if not how]
    for value in {given.get(_number(name)) for name, spec in fields if spec}:
        if value is None or isinstance(value, ast.Starred):
            context.refuse(node, "give format() its values one by one, or write an f-string")
        context.wrap(value, f"{context.need('objects.formattable')}(")


def _number(name: object) -> object:
    return int(name) if isinstance(name, str) and name.isdecimal() else name


def format_value(context: RewriteContext, node: ast.FormattedValue) -> None:
    """Guard a value of an f-string that has a format."""
    spec = node.format_spec
    if node.conversion != -1 or not isinstance(spec, ast.JoinedStr) or not spec.values:
        return
    last = spec.values[-1]
    code = str(last.value)[-1:] if isinstance(last, ast.Constant) else ""
    if not context.closed:
        context.wrap(node.value, f"{context.need('objects.formattable')}(")
    elif code not in _ANYTHING:
        context.refuse(node, f"put {ast.unparse(node.value)} into a variable before the f-string")


def store(context: RewriteContext, node: ast.Subscript) -> None:
    """Keep the first of equal keys when a value is stored under another."""
    match node.slice:
        case ast.Slice() | ast.JoinedStr() | ast.Constant(value=str()):
            return
    if not any(isinstance(part, ast.Call | ast.NamedExpr) for part in ast.walk(node.value)):
        container = ast.unparse(node.value)
        context.wrap(node.slice, f"{context.need('objects.key')}({container}, (", "))")


def dictionary(context: RewriteContext, node: ast.DictComp) -> None:
    """Turn `{k: v for ...}` into `dict_from(lambda store: [store(k, v) for ...])`.

    So the first of equal keys is kept.
    """
    if isinstance(node.key, ast.JoinedStr):
        return
    if not context.can_be_lambda(node):
        context.refuse(node, "this dictionary cannot be made at once here; fill it in a loop")
    source = context.open(node)
    start, end = source.start(node), source.end(node)
    function = context.need("objects.dict_from")
    source.replace(start, start + 1, f"{function}(lambda {_STORE}: [{_STORE}((")
    colon = source.end(node.key)
    colon += source.between(colon, source.start(node.value)).index(b":")
    source.replace(colon, colon + 1, "), (")
    source.insert_after(source.end(node.value), "))")
    source.replace(end - 1, end, "])")
