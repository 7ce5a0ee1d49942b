"""Runs simulators that need a Python of their own, in a process of that Python."""

from __future__ import annotations
