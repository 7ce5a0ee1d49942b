"""What can be looked at by name: the extras, and the environments that are registered."""

from __future__ import annotations

from embodied._util.suggestion import suggestion
from embodied.doctor import Check
from embodied.doctor.machine import check_shared_memory
from embodied.doctor.packages import check_packages, extras
from embodied.errors import ConfigError
from embodied.interpreter.confined import confinement
from embodied.plugins.address import is_address
from embodied.plugins.plugin_file import is_file
from embodied.plugins.registry import environment_class, names


def subjects() -> list[str]:
    """List the extras, then the environments that other packages have registered."""
    known = extras()
    return known + [name for name in names("embodied.environments") if name not in known]


def check_subject(name: str) -> list[Check]:
    """Look at one extra or environment.

    Args:
        name: one of `subjects()`, or an environment as `path/to/file.py:ClassName`.

    Raises:
        ConfigError: there is no such thing.
    """
    if name not in subjects() and not is_file(name) and not is_address(name):
        raise ConfigError(
            f"there is no extra or environment {name!r}{suggestion(name, subjects())}"
        )
    checks = check_packages(name) if name in extras() else []
    complete = all(check.status == "ok" for check in checks)
    if name == "full":
        checks.append(_confinement())
    if name == "ray":
        checks += check_shared_memory(name)
    if is_file(name) or is_address(name) or name in names("embodied.environments"):
        checks += _environment(name, complete=complete)
    return checks


def _confinement() -> Check:
    problem = confinement.problem()
    found = problem or "the interpreter full can confine code"
    advice = "use the interpreter restricted, or a system that can confine code"
    return Check("full", "Landlock, seccomp", "problem" if problem else "ok", found, advice)


def _environment(name: str, *, complete: bool) -> list[Check]:
    """Ask an environment about its surroundings; one that lacks packages need not load."""
    try:
        found = environment_class(name).requirements()
    except Exception as error:
        kind = "" if isinstance(error, ConfigError) else f"{type(error).__name__}: "
        failure = Check(name, "environment", "problem", advice=f"{kind}{error}")
        return [failure] if complete else []
    loaded = Check(name, "environment", "ok", "can be loaded")
    return [loaded] * complete + [
        Check(name, each.name, "problem" if each.problem else "ok", each.found, each.problem or "")
        for each in found
    ]
