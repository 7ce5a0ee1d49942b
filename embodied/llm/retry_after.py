"""Reads how long a server wants its clients to wait: in headers, or in words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS = {"ms": 0.001, "mil": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds by how the name of a unit begins, the first one that fits."""
_VALUE = r"\d{1,15}(?:\.\d{1,12})?"
_UNIT = r"(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])"
_PART = re.compile(rf"({_VALUE}) {{0,2}}({_UNIT})", re.IGNORECASE)
_DURATION = rf"(?:{_VALUE} {{0,2}}{_UNIT}(?:,? and |, ?| )?){{1,4}}"
_NUMBER = rf"{_VALUE}(?![\d.:/-]*\d)"
_SENTENCE = re.compile(
    r"\b(?:try again|retry|retrying|wait|available|resets?)\b"
    rf"(?:[^.\d]{{0,40}}?\b({_DURATION})|(?: in| after| for)?(?: about)? ({_NUMBER}))",
    re.IGNORECASE,
)
"""As in `Please try again in 1m2.5s` (OpenAI), `Please retry after 6 seconds` (Azure)."""
_FIELD = re.compile(
    r'"retry_?(?:after|delay)(_?ms|_?seconds)?" {0,4}: {0,4}"?'
    rf"(?:({_DURATION})|({_NUMBER}))",
    re.IGNORECASE,
)
"""As in `"retryDelay": "34s"` (Google), `"retry_after": 12`."""
_USED_UP = re.compile(r"\b(?:r|remaining)=0\b[^=\d]{1,9}\b(?:t|reset)=(\d{1,15})\b")
_SECONDS_SINCE_1970 = 1e9
"""Numbers from here on are a moment, not a duration; from a thousand times as much on, in
milliseconds."""


def requested_wait(headers: Mapping[str, str], body: str) -> float | None:
    """Read the seconds to wait until the next request; None where the server does not say.

    Args:
        headers: of the answer, by names in any case.
        body: of the answer.
    """
    for wait in (*_retry_headers(headers), _in_words(body[:20_000]), _reset(headers)):
        if wait is not None:
            return max(0.0, wait)
    return None


def _retry_headers(headers: Mapping[str, str]) -> Iterator[float | None]:
    milliseconds = _number(headers.get("retry-after-ms", ""))
    yield None if milliseconds is None else milliseconds / 1000
    yield _moment(headers.get("retry-after", ""))


def _in_words(text: str) -> float | None:
    if found := _FIELD.search(text):
        unit, duration, number = found.groups()
        if duration:
            return _duration(duration)
        return float(number) * (0.001 if unit and "ms" in unit.lower() else 1.0)
    if found := _SENTENCE.search(text):
        duration, number = found.groups()
        return _duration(duration) if duration else float(number)
    return None


def _reset(headers: Mapping[str, str]) -> float | None:
    """Read when the limits begin anew that are used up.

    Names are `x-ratelimit-reset-requests`, `anthropic-ratelimit-tokens-reset`, `ratelimit-reset`
    and so on, each with another one that has `remaining` in the place of `reset`; or one header
    `ratelimit` holds both, as in `"default";r=0;t=30`.
    """
    waits = [float(seconds) for seconds in _USED_UP.findall(headers.get("ratelimit", ""))]
    for name, value in headers.items():
        lower = name.lower()
        if "ratelimit" in lower.replace("rate-limit", "ratelimit") and "reset" in lower:
            left = _number(headers.get(lower.replace("reset", "remaining"), "0"))
            if not left and (wait := _moment(value)) is not None:
                waits.append(wait)
    return max(waits, default=None)


def _moment(value: str) -> float | None:
    """Read seconds: a number, a duration, a moment since 1970, or a date (RFC 9110, ISO 8601)."""
    value = value.strip()
    number = _number(value)
    if number is not None:
        if number >= 1000 * _SECONDS_SINCE_1970:
            return number / 1000 - time.time()
        return number - time.time() if number >= _SECONDS_SINCE_1970 else number
    if re.fullmatch(_DURATION, value, re.IGNORECASE):
        return _duration(value)
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(value)
        except (ValueError, OverflowError):
            continue
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return (aware - datetime.now(UTC)).total_seconds()
    return None


def _duration(text: str) -> float:
    parts = _PART.findall(text)
    return sum(float(amount) * _unit(unit.lower()) for amount, unit in parts)


def _unit(name: str) -> float:
    return next(_UNITS[start] for start in _UNITS if name.startswith(start))


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(_NUMBER, text.strip()) else None
