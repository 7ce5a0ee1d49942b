"""How fast a run was played, and what kept it busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embodied.llm.server_metrics import ServerTotals
from embodied.store import RunInvocation
from embodied.trajectory import Record


class MillisecondsPerTurn(Record):
    """Where the wall time of a turn went, in milliseconds, on average over the scored episodes."""

    policy: float
    """The wait for the policy's message: of an LLM, for its server."""
    interpreter: float
    environment: float
    framework: float


class ServerThroughput(Record):
    """What the LLM server did, as it says itself, for all who used it meanwhile.

    Rates are None where it gave no figures. Of several servers behind one address, each reading
    shows another one's figures: these are then of no use, and `restarts` is high.
    """

    observed_seconds: float
    """How long it gave figures; the first three figures are means over this time."""
    busy: float | None
    """Share of that time in which it worked on at least one sequence, from 0 to 1."""
    mean_running: float | None
    """Sequences that it worked on."""
    mean_waiting: float | None
    """Requests that it had not begun."""
    prompt_tokens_per_second: float | None
    """Over the wall time. llama.cpp counts only those that its cache lacked."""
    completion_tokens_per_second: float | None
    """Over the wall time."""
    prompt_tokens: int
    completion_tokens: int
    prefix_cache_hit_rate: float | None
    """Share of the prompt tokens that it found in its prefix cache, from 0 to 1; None where it does
    not say."""
    restarts: int
    """How often its counters began anew."""


class Workers(Record):
    """The processes that played the episodes."""

    used: int
    """Most at a time."""
    replaced: int
    largest_bytes: int
    """The largest resident memory that one had after an episode, without its child processes."""


class Throughput(Record):
    """How fast a run was played, over all its invocations.

    An invocation is one process's work on the run. Where none was recorded, all but
    `milliseconds_per_turn` is 0 or None.
    """

    invocations: int
    wall_seconds: float
    """Of all invocations, from the start of the first worker to the end of the last episode."""
    episodes: int
    """That were finished in this time."""
    episodes_per_hour: float | None
    turns_per_second: float | None
    """Turns of finished episodes."""
    mean_in_flight: float | None
    """Episodes that were played at a time."""
    milliseconds_per_turn: MillisecondsPerTurn | None
    """None where there is no turn."""
    server: ServerThroughput | None
    """None where the run has no LLM server."""
    workers: Workers | None


def aggregate_throughput(
    invocations: Sequence[RunInvocation], totals: Mapping[str, float]
) -> Throughput:
    """Aggregate what the invocations of a run measured.

    Args:
        invocations: all of the run.
        totals: of its scored episodes: `turns`, and seconds by the fields of `MillisecondsPerTurn`.
    """
    wall = sum(invocation.wall_seconds for invocation in invocations)
    episodes = sum(invocation.episodes for invocation in invocations)
    return Throughput(
        invocations=len(invocations),
        wall_seconds=wall,
        episodes=episodes,
        episodes_per_hour=ratio(3600 * episodes, wall),
        turns_per_second=ratio(sum(invocation.turns for invocation in invocations), wall),
        mean_in_flight=ratio(sum(invocation.in_flight_seconds for invocation in invocations), wall),
        milliseconds_per_turn=_per_turn(totals),
        server=_server(invocations),
        workers=_workers(invocations),
    )


def _per_turn(totals: Mapping[str, float]) -> MillisecondsPerTurn | None:
    if not totals["turns"]:
        return None
    parts = MillisecondsPerTurn.model_fields
    return MillisecondsPerTurn(**{p: 1000 * totals[p] / totals["turns"] for p in parts})


def _server(invocations: Sequence[RunInvocation]) -> ServerThroughput | None:
    asked = [invocation.server for invocation in invocations if invocation.server is not None]
    if not asked:
        return None
    totals = {name: sum(getattr(s, name) for s in asked) for name in ServerTotals.model_fields}
    observed = totals["observed_seconds"]
    wall = sum(
        invocation.wall_seconds
        for invocation in invocations
        if invocation.server is not None and invocation.server.observed_seconds
    )
    return ServerThroughput(
        observed_seconds=observed,
        busy=ratio(totals["busy_seconds"], observed),
        mean_running=ratio(totals["running_seconds"], observed),
        mean_waiting=ratio(totals["waiting_seconds"], observed),
        prompt_tokens_per_second=ratio(totals["prompt_tokens"], wall),
        completion_tokens_per_second=ratio(totals["completion_tokens"], wall),
        prompt_tokens=totals["prompt_tokens"],
        completion_tokens=totals["completion_tokens"],
        prefix_cache_hit_rate=ratio(totals["prefix_hits"], totals["prefix_queries"]),
        restarts=totals["restarts"],
    )


def _workers(invocations: Sequence[RunInvocation]) -> Workers | None:
    if not invocations:
        return None
    return Workers(
        used=max(invocation.workers for invocation in invocations),
        replaced=sum(invocation.replaced_workers for invocation in invocations),
        largest_bytes=max(invocation.worker_bytes for invocation in invocations),
    )


def ratio(total: float, over: float) -> float | None:
    """Divide; None by 0."""
    return total / over if over else None
