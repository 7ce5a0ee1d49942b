"""Generator expressions, which Monty would compute at once, taken apart into functions.

`(a + b for a, b in pairs if a)` becomes `(generator('ti', lambda a, b: (a + b ), (lambda item: [(a,
b,) for (a, b) in [item]][0]), (pairs), lambda a, b: (a)))`: every part stays on its line.
"""

from __future__ import annotations

import ast

from embodied.interpreter.monty.rewrite.context import Site
from embodied.interpreter.monty.rewrite.unsupported import RefusedError

_ITEM = "_lowered_item"


def take_apart(site: Site, node: ast.GeneratorExp, make: str | None) -> None:
    """Rewrite a generator expression.

    Args:
        site: the code.
        node: the expression; its own parentheses are part of it.
        make: what is called with the parts; None: they become arguments of the call around.

    Raises:
        RefusedError: the expression depends on its being one function.
    """
    _check(site, node)
    source = site.open(node)
    names: list[str] = []
    at = source.end(node.elt)
    for clause in node.generators:
        at = _for(site, at, clause, names)
        names += _names(clause.target)
        for condition in clause.ifs:
            begin = site.word(at, source.start(condition), "if")
            source.replace(begin, begin + 2, f"), lambda {', '.join(names)}: (")
            at = source.end(condition)
    call, end = (f"{site.need(make)}(", ")") if make else ("", "")
    opening = f"{call}{kinds(node)!r}, lambda {', '.join(names)}: ("
    source.insert_before(source.start(node) + 1, opening)
    source.insert_after(source.end(node) - 1, f"){end}")


def kinds(node: ast.GeneratorExp) -> str:
    """The kinds of the clauses, one letter each, as `prelude` knows them."""
    return "".join(
        ("n" if isinstance(clause.target, ast.Name) else "t") + "i" * len(clause.ifs)
        for clause in node.generators
    )


def _for(site: Site, at: int, clause: ast.comprehension, names: list[str]) -> int:
    """Rewrite `for target in iterable`; where it ends."""
    source = site.source
    begin = site.word(at, source.start(clause.target), "for")
    end = site.word(source.end(clause.target), source.start(clause.iter), "in") + 2
    unpack = ""
    if not isinstance(clause.target, ast.Name):
        values = ", ".join(_names(clause.target))
        target = ast.unparse(clause.target)
        unpack = f"(lambda {_ITEM}: [({values},) for {target} in [{_ITEM}]][0]), "
    function = f"lambda {', '.join(names)}: (" if names else "("
    source.replace(begin, end, f"), {unpack}{function}")
    return source.end(clause.iter)


def _check(site: Site, node: ast.GeneratorExp) -> None:
    targets = [clause.target for clause in node.generators]
    names = [name for target in targets for name in _names(target)]
    odd = len(set(names)) < len(names) or any(map(_is_entangled, ast.walk(node)))
    in_class = bool(site.scopes) and isinstance(site.scopes[-1], ast.ClassDef)
    delays = any(clause.is_async for clause in node.generators)
    if odd or in_class or delays or not all(map(_only_binds_names, targets)):
        message = "this generator expression cannot be used here; write a list, or a for loop"
        raise RefusedError(node, "NotImplementedError", message)


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _only_binds_names(target: ast.expr) -> bool:
    kinds = ast.Name | ast.Tuple | ast.List | ast.Store
    return bool(_names(target)) and all(isinstance(node, kinds) for node in ast.walk(target))


def _is_entangled(node: ast.AST) -> bool:
    """Whether a part binds outer names, waits, or may keep the variables for later."""
    if isinstance(node, ast.keyword) and node.arg == "key":
        return False
    inner = isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom)
    return inner or any(isinstance(child, ast.Lambda) for child in ast.iter_child_nodes(node))
