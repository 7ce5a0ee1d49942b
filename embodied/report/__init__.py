"""What a run came to, and runs side by side: figures, and text for people."""

from __future__ import annotations

from embodied.report.compare import RunComparison, compare_runs
from embodied.report.compare_table import print_comparison
from embodied.report.metrics import Figures, Report, compute
from embodied.report.table import print_report, render

__all__ = [
    "Figures",
    "Report",
    "RunComparison",
    "compare_runs",
    "compute",
    "print_comparison",
    "print_report",
    "render",
]
