"""Statements: last expressions, and `del`."""

from __future__ import annotations

import ast
from collections.abc import Set

from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.rewrite.context import RewriteContext
from embodied.interpreter.source_edits import SourceEdits


def shown_result(tree: ast.Module, bound: Set[str]) -> ast.expr | None:
    """Find the last expression, whose value is shown; None where there is none but `print()`."""
    match tree.body[-1:]:
        case [ast.Expr(value=ast.Call(func=ast.Name(id="print")))] if "print" not in bound:
            return None
        case [ast.Expr(value=value)]:
            return value
    return None


def show_result(source: SourceEdits, value: ast.expr) -> None:
    """Rewrite a last expression to the beginning of its text, so that no large value is sent."""
    source.insert_before(source.start(value), f"{polyfills.SHOWN}((")
    source.insert_after(source.end(value), "))")


def delete(context: RewriteContext, node: ast.Delete) -> None:
    """Rewrite `del`, target by target."""
    source = context.open(node)
    at, text = source.start(node), ""
    for target in node.targets:
        start = source.start(target)
        if source.between(at, start).strip(b" ,del"):
            context.refuse(node, "write one `del` for each")
        source.replace(at, start, text)
        _delete(context, target)
        at, text = source.end(target), "; "


def _delete(context: RewriteContext, target: ast.expr) -> None:
    source = context.source
    match target:
        case ast.Subscript(slice=ast.Slice(step=None)):
            source.insert_after(source.end(target), " = []")
        case ast.Subscript(slice=ast.Slice()):
            context.refuse(target, "a slice with a step cannot be deleted here; build a new list")
        case ast.Subscript(value=value, slice=key):
            function = context.need("objects.delete")
            source.insert_before(source.start(target), f"{function}(")
            opening = source.end(value)
            opening += source.between(opening, source.start(key)).rindex(b"[")
            source.replace(opening, opening + 1, ", (")
            source.replace(source.end(target) - 1, source.end(target), "))")
        case ast.Name(id=name) if not context.scopes and "exec" not in context.bound:
            unbind = f"; exec('try:\\n 1/0\\nexcept ArithmeticError as {name}: pass')"
            source.insert_after(source.end(target), unbind)
        case ast.Name(id=name):
            context.refuse(target, f"`del {name}` cannot be used in a function; leave it out")
        case _:
            text = ast.unparse(target)
            context.refuse(target, f"`del {text}` cannot be used here; assign None instead")
