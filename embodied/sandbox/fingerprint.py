"""What of the host's own process must be the same after hostile code has run."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

from embodied.sandbox.canary_robot import CanaryRobot

_MODULES = tuple(
    importlib.import_module(name)
    for name in (
        "builtins",
        "io",
        "json",
        "json.decoder",
        "json.encoder",
        "os",
        "pathlib",
        "pickle",
        "socket",
        "struct",
        "subprocess",
        "sys",
        "threading",
        "traceback",
        "embodied.controller",
        "embodied.environment",
        "embodied.interpreter.call_dispatcher",
        "embodied.interpreter.code_session",
        "embodied.interpreter.session",
        "embodied._util.jsonable",
        "embodied.sandbox.canary_robot",
        "embodied.trajectory",
    )
)


def fingerprint() -> dict[str, str]:
    """Names of what the host's process consists of, and what each of them is now."""
    specs = CanaryRobot.actions().values()
    prints = {
        "the number 200": str(100 + len(range(100))),
        "the environment": str(sorted(os.environ.items())),
        "the working folder": str(Path.cwd()),
        "sys.path": str(sys.path),
        "sys.meta_path": str(sys.meta_path),
        "the recursion limit": str(sys.getrecursionlimit()),
        "the longest integer": str(sys.get_int_max_str_digits()),
        "sys.modules": str([id(sys.modules.get(module.__name__)) for module in _MODULES]),
        "standard streams": str([id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]),
        "the number of threads": str(len(sys._current_frames())),
        "tracing": str((sys.gettrace(), sys.getprofile())),
        "garbage collection": str(gc.isenabled()),
        "signal handlers": str([signal.getsignal(s) for s in signal.valid_signals()]),
        "resource limits": _resource_limits(),
        "the specifications of actions": str(
            [(str(spec), spec.documentation, sorted(spec.validators)) for spec in specs]
        ),
    }
    for module in _MODULES:
        prints |= _callables(module)
    return prints


def differences(before: dict[str, str]) -> list[str]:
    """List the names whose fingerprint is another one now."""
    after = fingerprint()
    names = sorted(before.keys() | after.keys())
    return [f"{name} changed" for name in names if before.get(name) != after.get(name)]


def _callables(module: ModuleType) -> dict[str, str]:
    """Functions and classes of a module, and those in its own classes."""
    found: dict[str, str] = {}
    for name, value in list(vars(module).items()):
        if not callable(value):
            continue
        found[f"{module.__name__}.{name}"] = _function(value)
        if isinstance(value, type) and value.__module__ == module.__name__:
            members = {key: member for key, member in vars(value).items() if callable(member)}
            found |= {f"{module.__name__}.{name}.{k}": _function(m) for k, m in members.items()}
    return found


def _function(value: object) -> str:
    """Which object a callable is, and what it consists of."""
    parts = ("__code__", "__defaults__", "__kwdefaults__")
    return str([id(value), *(id(getattr(value, part, None)) for part in parts)])


def _resource_limits() -> str:
    try:
        import resource
    except ImportError:
        return ""
    names = sorted(name for name in vars(resource) if name.startswith("RLIMIT_"))
    return str([resource.getrlimit(getattr(resource, name)) for name in names])
