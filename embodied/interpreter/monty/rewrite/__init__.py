"""What Monty lacks of Python: rewritten before it runs, or refused with advice.

The text of the code is changed in place, so that every line stays where it is. Only what is certain
is rewritten: a built-in function counts as one as long as nothing in the session ever bound its
name. What the rewritten code calls is defined by `prelude`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from dataclasses import dataclass

from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.rewrite import unsupported
from embodied.interpreter.monty.rewrite.boundary import Crossings
from embodied.interpreter.monty.rewrite.context import Site
from embodied.interpreter.monty.rewrite.expressions import Rewriter
from embodied.interpreter.monty.rewrite.source_edits import Edited, OverlapError, Source
from embodied.interpreter.monty.rewrite.unsupported import RefusedError
from embodied.interpreter.parsed import Code

__all__ = ["Crossings", "Edited", "Lowered", "RefusedError", "lower"]


@dataclass(frozen=True)
class Lowered:
    """Code that Monty can run."""

    source: Edited
    needs: tuple[str, ...]
    """Definitions of the prelude that it uses."""


def lower(
    code: Code,
    bound: Set[str],
    modules: Set[str],
    crossings: Crossings | None = None,
) -> Lowered:
    """Rewrite code for Monty.

    Args:
        code: what the policy wrote; its tree is changed.
        bound: names that the session or this code binds anywhere, and the robot's actions.
        modules: modules of the prelude that the session has imported.
        crossings: guards the ways to the host; without it they stay open.

    Raises:
        RefusedError: Monty cannot run it and it cannot be rewritten with certainty.
    """
    try:
        unsupported.check(code.tree, bound)
        site = Site(Source(code.text), bound)
        if crossings is not None:
            crossings.guard(site, code.tree)
        Rewriter(site).visit(code.tree)
        needs = [*site.needs, *_attributes(code, modules | site.needs.keys())]
        return Lowered(site.source.edited(), tuple(needs))
    except (OverlapError, RecursionError):
        message = "this code is too entangled; write it in several shorter statements"
        raise RefusedError(code.tree.body[0], "NotImplementedError", message) from None


def _attributes(code: Code, modules: Set[str]) -> Iterator[str]:
    """The parts of the prelude's modules that code may mean."""
    meant = [module for module in polyfills.MODULES if module in modules]
    if not meant:
        return
    names = {node.attr for node in ast.walk(code.tree) if isinstance(node, ast.Attribute)}
    for module in meant:
        yield from (f"{module}.{name}" for name in sorted(names & polyfills.public(module)))
