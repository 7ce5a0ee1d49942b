"""Sampling seeds: another one for each turn, the same ones in every run."""

from __future__ import annotations

import hashlib


def turn_seed(base: int | None, episode: str, turn: int) -> int | None:
    """Derive a seed of 31 bits for a turn; None where the run has none."""
    if base is None:
        return None
    digest = hashlib.sha256(f"{base}:{episode}:{turn}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
