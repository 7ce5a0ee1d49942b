"""Looks whether this machine has what a run needs, and says what to do where it has not."""

from __future__ import annotations
