"""Episodes become data: chosen, masked, kept apart, counted, written for trainers, mixed."""

from __future__ import annotations

from embodied.datasets.build import Dataset, build
from embodied.datasets.card import Card
from embodied.datasets.formats import FORMATS, from_chat
from embodied.datasets.mixture import mix
from embodied.datasets.selection import FunnelStep, Rule, Selection
from embodied.datasets.sources import Candidate
from embodied.datasets.statistics import Statistics

__all__ = [
    "FORMATS",
    "Candidate",
    "Card",
    "Dataset",
    "FunnelStep",
    "Rule",
    "Selection",
    "Statistics",
    "build",
    "from_chat",
    "mix",
]
