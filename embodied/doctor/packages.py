"""Extras: whether their packages are installed, in range, and can be imported."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import embodied
from embodied.doctor import DISTRIBUTION, Check
from embodied.doctor.probe import probe

_NOT_LOOKED_AT = {"dev"}
_IMPORT_SECONDS = 120.0
_IMPORT = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


def extras() -> list[str]:
    """List the extras of this distribution that a user may install."""
    provided = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return [extra for extra in provided if extra not in _NOT_LOOKED_AT]


def check_packages(extra: str) -> list[Check]:
    """Look at each package of an extra and, where all are there, import them."""
    checks = [_check(extra, package) for package in _requirements(extra)]
    if all(check.status == "ok" for check in checks):
        return [*checks, *_check_import(extra, [check.name for check in checks])]
    return checks


def check_name() -> Check:
    """See that `import embodied` means this package, also in the working folder: another one of
    the name is installed by DreamerV3.
    """
    own = Path(embodied.__file__)
    specs = [PathFinder.find_spec("embodied", [place]) for place in (str(Path.cwd()), *sys.path)]
    others = [spec.origin for spec in specs if spec is not None and spec.origin is not None]
    others = [origin for origin in others if not own.samefile(origin)]
    holders = importlib.metadata.packages_distributions().get("embodied", [])
    installed = sorted({name for name in holders if canonicalize_name(name) != DISTRIBUTION})
    found = [*(f"the distribution {name}" for name in installed), *dict.fromkeys(others)]
    shown = f"in the way: {', '.join(found)}" if found else str(own.parent)
    advice = (
        "use a virtual environment of its own and another folder; where both are installed: "
        f"pip uninstall embodied, then pip install --force-reinstall --no-deps {DISTRIBUTION}"
    )
    return Check("embodied", "import embodied", "problem" if found else "ok", shown, advice)


def _requirements(extra: str) -> Iterator[Requirement]:
    for text in importlib.metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(text)
        if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", str(requirement.marker)):
            yield requirement


def _check(extra: str, package: Requirement) -> Check:
    install = f"pip install '{DISTRIBUTION}[{extra}]'"
    if package.marker is not None and not package.marker.evaluate({"extra": extra}):
        advice = f"not for this Python and system; it is where {package.marker}"
        return Check(extra, package.name, "not installed", advice=advice)
    try:
        version = importlib.metadata.version(package.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(extra, package.name, "not installed", advice=install)
    if not package.specifier.contains(version, prereleases=True):
        advice = f"needs {package.specifier}: {install}"
        return Check(extra, package.name, "problem", version, advice)
    return Check(extra, package.name, "ok", version)


def _check_import(extra: str, packages: list[str]) -> list[Check]:
    modules = _modules(packages)
    problem = probe(_IMPORT, *modules, seconds=_IMPORT_SECONDS)
    advice = (
        "a file lib*.so that is missing is in a system package (apt-file search FILE); "
        f"else install anew: pip install --force-reinstall '{DISTRIBUTION}[{extra}]'"
    )
    name = f"import {', '.join(modules)}"
    return [Check(extra, name, "problem", problem, advice)] if problem else []


def _modules(packages: list[str]) -> list[str]:
    """List the modules of packages: the one of the same name, or else whatever they hold."""
    held: dict[str, list[str]] = {}
    for module, distributions in importlib.metadata.packages_distributions().items():
        for name in distributions:
            held.setdefault(canonicalize_name(name), []).append(module)
    found: list[str] = []
    for package in packages:
        own = package.replace("-", "_").lower()
        modules = held.get(canonicalize_name(package), [])
        found += [own] if own in modules else sorted(m for m in modules if not m.startswith("_"))
    return found
