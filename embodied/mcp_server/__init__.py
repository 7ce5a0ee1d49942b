"""Serves a robot to outside agents over the Model Context Protocol (MCP)."""

from __future__ import annotations
