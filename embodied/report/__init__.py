"""What a run came to, and runs side by side: metrics, tables, a data frame."""

from __future__ import annotations

from embodied.report.compare import RunComparison, compare_runs
from embodied.report.compare_table import print_comparison
from embodied.report.dataframe import dataframe
from embodied.report.metrics import Metrics, Report, Stat, aggregate, aggregate_run
from embodied.report.table import print_json, print_report, render

__all__ = [
    "Metrics",
    "Report",
    "RunComparison",
    "Stat",
    "aggregate",
    "aggregate_run",
    "compare_runs",
    "dataframe",
    "print_comparison",
    "print_json",
    "print_report",
    "render",
]
