"""How long servers ask to wait, in the words and headers of many."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from embodied.llm.retry_after import requested_wait


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://x.y/3 to", 20),
        ("Please try again in 1.2s.", 1.2),
        ("Please try again in 6ms.", 0.006),
        ("Please try again in 7m12.5s.", 432.5),
        ("Please try again in 1h12m0s", 4320),
        ("have exceeded call rate limit. Please retry after 6 seconds. Please go to", 6),
        ("Please retry in 34.074824224s.", 34.074824224),
        ('"details": [{"@type": "RetryInfo", "retryDelay": "34s"}]', 34),
        ('{"message": "You are being rate limited.", "retry_after": 0.65}', 0.65),
        ('{"retry_after_ms": 1200}', 1.2),
        ('{"retryAfter": "12"}', 12),
        ("Please wait 2 minutes and 3 seconds before the next request", 123),
        ("Try again in about 2 minutes.", 120),
        ("Rate limit exceeded: retry after 30", 30),
        ("The limit resets in 1 hour", 3600),
        ("Rate limit reached, resets at 2025-03-01 10:00", None),
        ("This was retry attempt 3 of 5", None),
        ("Rate limit exceeded", None),
        ("Limit: 10 requests a minute", None),
        ("try again in " + "9" * 500, None),
        ("", None),
    ],
)
def test_words_are_read(said: str, seconds: float | None) -> None:
    assert requested_wait({}, said) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "9.5"}, 9.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        ({"x-ratelimit-reset-requests": "6s", "x-ratelimit-remaining-requests": "3"}, None),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "900",
            },
            1,
        ),
        ({"x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "17ms"}, 2),
        ({"x-ratelimit-reset": "5"}, 5),
        ({"ratelimit-reset": "30", "ratelimit-remaining": "0"}, 30),
        ({"ratelimitbysize-reset": "34"}, 34),
        ({"x-request-id": "5"}, None),
    ],
)
def test_headers_are_read(headers: dict[str, str], seconds: float | None) -> None:
    assert requested_wait(headers, "") == seconds


@pytest.mark.parametrize("name", ["retry-after", "anthropic-ratelimit-requests-reset"])
def test_moments_are_read(name: str) -> None:
    later = datetime.now(UTC) + timedelta(seconds=60)
    since_1970 = time.time() + 60
    numbers = f"{since_1970:.3f}", f"{1000 * since_1970:.0f}"
    for text in (format_datetime(later, usegmt=True), later.isoformat(), *numbers):
        assert 50 < (requested_wait({name: text}, "") or 0) <= 61
    assert requested_wait({name: "Tue, 26 Mar 2024 20:00:00 GMT"}, "") == 0


def test_the_shortest_way_to_say_it_counts_before_the_limits() -> None:
    headers = {"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}
    assert requested_wait(headers, "Please try again in 20s.") == 20
    assert requested_wait(headers | {"retry-after": "3"}, "Please try again in 20s.") == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ('"default";r=0;t=30', 30),
        ("limit=10, remaining=0, reset=50", 50),
        ('"minute";r=0;t=5, "day";r=0;t=90', 90),
        ('"default";r=3;t=30', None),
        ("10", None),
    ],
)
def test_one_header_may_say_what_is_left_and_when_it_begins_anew(
    header: str, seconds: float | None
) -> None:
    assert requested_wait({"ratelimit": header}, "") == seconds
