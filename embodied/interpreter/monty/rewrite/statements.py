"""Statements that Monty lacks: `del`, imports of the prelude's modules, the base `object`."""

from __future__ import annotations

import ast

from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.rewrite.context import Site
from embodied.interpreter.monty.rewrite.unsupported import RefusedError


def delete(site: Site, node: ast.Delete) -> None:
    """Rewrite `del`, target by target."""
    source = site.open(node)
    at, text = source.start(node), ""
    for target in node.targets:
        start = source.start(target)
        if source.between(at, start).strip(b" ,del"):
            raise RefusedError(node, "NotImplementedError", "write one `del` for each")
        source.replace(at, start, text)
        _delete(site, target)
        at, text = source.end(target), "; "


def _delete(site: Site, target: ast.expr) -> None:
    match target:
        case ast.Subscript():
            _delete_item(site, target)
            return
        case ast.Name(id=name) if not site.scopes and "exec" not in site.bound:
            unbind = f"; exec('try:\\n 1/0\\nexcept ArithmeticError as {name}: pass')"
            site.source.insert_after(site.source.end(target), unbind)
            return
        case ast.Name(id=name):
            advice = f"`del {name}` cannot be used in a function; leave it out"
        case _:
            advice = f"`del {ast.unparse(target)}` cannot be used here; assign None instead"
    raise RefusedError(target, "NotImplementedError", advice)


def _delete_item(site: Site, target: ast.Subscript) -> None:
    source = site.source
    source.insert_before(source.start(target), f"{site.need('objects.delete')}(")
    value_end = source.end(target.value)
    bracket = value_end + source.between(value_end, source.start(target.slice)).rindex(b"[")
    source.replace(bracket, bracket + 1, ", ")
    closing = source.end(target) - 1
    if isinstance(target.slice, ast.Slice):
        _slice(site, target.slice, bracket + 1, closing)
    source.replace(closing, closing + 1, ")")


def _slice(site: Site, node: ast.Slice, start: int, end: int) -> None:
    """Turn `a:b` into `slice(a, b, None)`."""
    bounds = (node.lower, node.upper, node.step)
    if not all(bound is None or _is_simple(bound) for bound in bounds):
        message = "put the bounds of the slice into variables first"
        raise RefusedError(node, "NotImplementedError", message)
    text = ", ".join("None" if bound is None else ast.unparse(bound) for bound in bounds)
    site.source.replace(start, end, f"{polyfills.global_name('builtin.slice')}({text})")


def _is_simple(node: ast.expr) -> bool:
    kinds = ast.Name | ast.Constant | ast.UnaryOp | ast.USub | ast.Load
    return all(isinstance(part, kinds) for part in ast.walk(node))


def class_definition(site: Site, node: ast.ClassDef) -> None:
    """Remove the base `object`, the only one that is not refused."""
    if node.bases:
        source = site.open(node)
        source.replace(source.start(node.bases[0]), source.end(node.bases[0]), "")


def import_modules(site: Site, node: ast.Import) -> None:
    """Rewrite `import`, where a module comes from the prelude."""
    if all(alias.name not in polyfills.MODULES for alias in node.names):
        return
    parts = []
    for alias in node.names:
        if alias.name in polyfills.MODULES:
            parts.append(f"{alias.asname or alias.name} = {site.need(alias.name)}")
        else:
            parts.append(f"import {ast.unparse(alias)}")
    source = site.open(node)
    source.replace(source.start(node), source.end(node), "; ".join(parts))


def import_names(site: Site, node: ast.ImportFrom) -> None:
    """Rewrite `from module import names`, where the prelude has them all."""
    module = node.module
    if node.level or module is None or module not in polyfills.MODULES:
        return
    if not {alias.name for alias in node.names} <= polyfills.public(module):
        return
    names = ", ".join(alias.asname or alias.name for alias in node.names)
    values = ", ".join(site.need(f"{module}.{alias.name}") for alias in node.names)
    source = site.open(node)
    end = source.end(node)
    source.replace(source.start(node), end - 1, f"{names}, = ({values},")
    source.replace(end - 1, end, ")")
