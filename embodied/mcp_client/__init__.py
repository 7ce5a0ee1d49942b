"""Plays robots that are reached over the Model Context Protocol (MCP).

Nothing that a server answers is trusted: names, schemas and texts are cleaned and bounded before a
model, a record or Python sees them.
"""

from __future__ import annotations
