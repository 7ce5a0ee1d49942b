"""To and from inspect-robots (https://docs.inspectrobots.org), which is an extra."""

from __future__ import annotations
