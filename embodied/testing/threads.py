"""Calls in other threads, as workers make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from embodied._util.threads import OwnThread

T = TypeVar("T")


def in_new_thread(function: Callable[..., T], *args: Any) -> T:
    """Make a call in a thread that is used for nothing else."""
    thread = OwnThread("check")
    try:
        return thread.submit(function, *args).result()
    finally:
        thread.shutdown()
