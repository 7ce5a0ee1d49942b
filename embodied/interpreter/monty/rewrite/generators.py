"""Generator expressions under `any`, `all` and `next`, which must end early; Monty's own are lists.

`any(x > 1 for x in xs)` becomes `any_of(lambda keep, until: [keep(x > 1) for x in until(xs)])`:
every part stays on its line.
"""

from __future__ import annotations

import ast

from embodied.interpreter.monty.rewrite.context import RewriteContext

ADVICE = "this generator expression cannot be used here; write a list, or a for loop"
_KEEP, _UNTIL = "_polyfill_keep", "_polyfill_until"


def end_early(context: RewriteContext, node: ast.GeneratorExp) -> None:
    """Rewrite a generator expression; its own parentheses are part of it.

    Raises:
        UnsupportedError: it depends on its being one function.
    """
    in_class = bool(context.scopes) and isinstance(context.scopes[-1], ast.ClassDef)
    if in_class or any(map(_is_entangled, ast.walk(node))):
        context.refuse(node, ADVICE)
    source = context.open(node)
    source.insert_before(source.start(node) + 1, f"lambda {_KEEP}, {_UNTIL}: [")
    source.insert_after(source.end(node) - 1, "]")
    parts = [(node.elt, _KEEP), *((clause.iter, _UNTIL) for clause in node.generators)]
    for part, function in parts:
        source.insert_before(source.start(part), f"{function}(")
        source.insert_after(source.end(part), ")")


def _is_entangled(node: ast.AST) -> bool:
    """Whether a part binds outer names or waits."""
    if isinstance(node, ast.comprehension):
        return bool(node.is_async)
    return isinstance(node, ast.NamedExpr | ast.Await)
