"""Starts a real LLM server, keeps it running, and leaves nothing behind."""

from __future__ import annotations

from embodied.serving.model_server import START_SECONDS, ModelServer

__all__ = ["START_SECONDS", "ModelServer"]
