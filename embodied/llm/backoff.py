"""How long to wait before another attempt."""

from __future__ import annotations

import random

_FIRST, _LONGEST = 0.5, 8.0


def backoff(failures: int) -> float:
    """Draw the seconds to wait after so many failures: exponential, with jitter.

    Clients that failed together do not come back together.
    """
    longest: float = min(_FIRST * 2.0 ** min(failures - 1, 10), _LONGEST)
    return longest * random.uniform(0.5, 1.0)
