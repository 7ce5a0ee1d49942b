"""What a run came to: figures, and text for people."""

from __future__ import annotations

from embodied.report.metrics import Figures, Report, compute
from embodied.report.table import print_report, render

__all__ = ["Figures", "Report", "compute", "print_report", "render"]
