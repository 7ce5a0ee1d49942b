"""What of the host's own process must be the same after hostile code has run."""

from __future__ import annotations

import builtins
import gc
import io
import json
import os
import pathlib
import pickle
import signal
import socket
import subprocess
import sys
import threading
from types import ModuleType

import embodied.controller
import embodied.environment
import embodied.interpreter.calls
import embodied.interpreter.code
import embodied.interpreter.session
import embodied.plain
import embodied.sandbox.bait
import embodied.trajectory

_MODULES = (
    builtins,
    io,
    json,
    json.decoder,
    json.encoder,
    os,
    pathlib,
    pickle,
    socket,
    subprocess,
    sys,
    threading,
    embodied.controller,
    embodied.environment,
    embodied.interpreter.calls,
    embodied.interpreter.code,
    embodied.interpreter.session,
    embodied.plain,
    embodied.sandbox.bait,
    embodied.trajectory,
)


def fingerprint() -> dict[str, str]:
    """Names of what the host's process consists of, and what each of them is now."""
    prints = {
        "the environment": str(sorted(os.environ.items())),
        "the working folder": str(pathlib.Path.cwd()),
        "sys.path": str(sys.path),
        "sys.meta_path": str(sys.meta_path),
        "the recursion limit": str(sys.getrecursionlimit()),
        "the longest integer": str(sys.get_int_max_str_digits()),
        "tracing": str((sys.gettrace(), sys.getprofile())),
        "garbage collection": str(gc.isenabled()),
        "signal handlers": str([signal.getsignal(s) for s in signal.valid_signals()]),
        "resource limits": _resource_limits(),
        "the specifications of actions": _specifications(),
    }
    for module in _MODULES:
        prints |= _callables(module)
    return prints


def differences(before: dict[str, str]) -> list[str]:
    """The names whose fingerprint is another one now."""
    after = fingerprint()
    names = sorted(before.keys() | after.keys())
    return [f"{name} changed" for name in names if before.get(name) != after.get(name)]


def _callables(module: ModuleType) -> dict[str, str]:
    """Functions and classes of a module, and those in its own classes."""
    found: dict[str, str] = {}
    for name, value in list(vars(module).items()):
        if not callable(value):
            continue
        found[f"{module.__name__}.{name}"] = str(id(value))
        if isinstance(value, type) and value.__module__ == module.__name__:
            members = {key: member for key, member in vars(value).items() if callable(member)}
            found |= {f"{module.__name__}.{name}.{k}": str(id(m)) for k, m in members.items()}
    return found


def _specifications() -> str:
    actions = embodied.sandbox.bait.Guard.actions()
    return str([(str(spec), spec.documentation, sorted(spec.validators)) for spec in actions.values()])


def _resource_limits() -> str:
    try:
        import resource
    except ImportError:
        return ""
    names = sorted(name for name in vars(resource) if name.startswith("RLIMIT_"))
    return str([resource.getrlimit(getattr(resource, name)) for name in names])
