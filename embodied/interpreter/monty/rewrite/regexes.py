"""Calls of `re`, whose patterns are written again for Monty's engine."""

from __future__ import annotations

import ast
import re

from embodied.interpreter.monty.polyfills import TRANSLATE
from embodied.interpreter.monty.rewrite.context import RewriteContext
from embodied.interpreter.monty.subset.patterns import (
    FLAGS,
    UntranslatableError,
    is_template,
    translate,
)
from embodied.interpreter.monty.subset.refusal import UnsupportedError
from embodied.interpreter.monty.subset.surface import WITH_PATTERNS

_ONE_MATCH = {"fullmatch", "match", "search"}


def call(context: RewriteContext, node: ast.Call) -> None:
    """Rewrite a call of `re.search` and the like; refuse one whose flags are not named."""
    match node.func:
        case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in WITH_PATTERNS:
            _rewrite(context, node, name)
        case ast.Attribute(attr="sub") if len(node.args) > 1:
            _replacement(context, node.args[0])


def _rewrite(context: RewriteContext, node: ast.Call, name: str) -> None:
    needed = WITH_PATTERNS[name] - (name in ("split", "sub"))
    named = {keyword.arg for keyword in node.keywords}
    if len(node.args) < needed or named - {"flags", "count", "maxsplit"}:
        context.refuse(node, f"give re.{name}() its pattern and text by position")
    if name == "sub":
        _replacement(context, node.args[1], node.args[0])
    given = [
        *node.args[WITH_PATTERNS[name] :],
        *(k.value for k in node.keywords if k.arg == "flags"),
    ]
    flags = sum(_flags(context, part) for part in given)
    for part in given:
        context.replace(part, "0")
    pattern = node.args[0]
    if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
        context.replace(pattern, _written(context, pattern, pattern.value, flags, name))
    else:
        function = context.need("objects.pattern")
        context.wrap(pattern, f"{function}({TRANSLATE}, (", f"), {flags}, {name in _ONE_MATCH})")


def _written(context: RewriteContext, node: ast.expr, pattern: str, flags: int, name: str) -> str:
    try:
        return repr(translate(pattern, flags, name in _ONE_MATCH))
    except (UntranslatableError, re.error) as error:
        context.refuse(node, f"this pattern cannot be used here: {error}; write it in another way")


def _flags(context: RewriteContext, node: ast.expr) -> int:
    match node:
        case ast.Constant(value=0):
            return 0
        case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in FLAGS:
            return int(FLAGS[name])
        case ast.BinOp(left=left, op=ast.BitOr() | ast.Add(), right=right):
            return _flags(context, left) | _flags(context, right)
    message = "name the flags of re where they are used, as in re.IGNORECASE | re.DOTALL"
    raise UnsupportedError(node, message)


def _replacement(context: RewriteContext, node: ast.expr, pattern: ast.expr | None = None) -> None:
    """Refuse what may replace a match otherwise than in CPython."""
    if isinstance(node, ast.Lambda | ast.Attribute):
        context.refuse(node, "re.sub() takes a text here, no function; loop over re.finditer()")
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    escaped = [text for text in texts if isinstance(text, str) and "\\" in text]
    known = pattern.value if isinstance(pattern, ast.Constant) else None
    if escaped and not all(isinstance(known, str) and is_template(known, t) for t in escaped):
        context.refuse(node, "this replacement cannot be used here; loop over re.finditer()")
