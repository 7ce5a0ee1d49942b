"""Hostile code against an interpreter, and a measured verdict on each piece of it."""

from __future__ import annotations

from embodied.sandbox.checker import Checker
from embodied.sandbox.corpus import Snippet, load_corpus
from embodied.sandbox.target import Target
from embodied.sandbox.verdict import Finding, Verdict

__all__ = ["Checker", "Finding", "Snippet", "Target", "Verdict", "load_corpus"]
