"""The figures of a run, computed from the summaries of its episodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from embodied.report.throughput import Throughput, sum_up
from embodied.store.invocation import Sitting
from embodied.store.summary import Summary
from embodied.trajectory import Outcome, Record

CONFIDENCE = 0.95
"""Confidence level of the intervals of success rates."""


class Amount(Record):
    """How much of something the scored episodes took."""

    total: float
    mean: float | None
    """Per scored episode; None where there is none."""


class Count(Record):
    """How many of something the scored episodes took."""

    total: int
    mean: float | None
    """Per scored episode; None where there is none."""


class Effort(Count):
    """How many of something the scored episodes took, and the successes among them."""

    mean_of_successes: float | None
    """Per success; None where there is none."""


class Tokens(Count):
    """Tokens, prompt and completion together and apart."""

    prompt: Count
    completion: Count


class PolicyTokens(Tokens):
    """Tokens of the policy."""

    cached: Count
    """Prompt tokens that the server found in its prefix cache, where it says so."""


class Seconds(Record):
    """Wall time in seconds. What no turn takes is the reset of the environment."""

    episode: Amount
    policy: Amount
    interpreter: Amount
    environment: Amount
    framework: Amount


class Figures(Record):
    """The figures of a group of episodes.

    Episodes that ended with an infrastructure error are counted in `infrastructure_errors` and
    nowhere else.
    """

    episodes: int
    """Scored episodes."""
    successes: int
    success_rate: float | None
    """Successes per scored episode, from 0 to 1; None where there is none."""
    interval: tuple[float, float] | None
    """Wilson interval of the success rate at `CONFIDENCE`; None where there is no episode."""
    outcomes: dict[str, int]
    """Scored episodes by outcome."""
    truncated: dict[str, int]
    """Truncated episodes by the limit that cut them."""
    infrastructure_errors: int
    turns: Effort
    calls: Count
    failed_calls: Count
    """Calls that raised an error."""
    steps: Effort
    """Environment steps."""
    tokens: PolicyTokens
    feedback_tokens: Tokens
    """Tokens of those who comment on the policy's turns, where the protocol has somebody do so."""
    characters: Count
    """Characters that the policy wrote."""
    format_errors: Count
    """Messages that could not be read as an action."""
    cached_messages: Count
    """Messages that a cache had kept: their episodes say nothing of a server's speed."""
    seconds: Seconds


class Report(Figures):
    """The figures of a run."""

    by_kind: dict[str, Figures]
    """The same figures for each kind of task, sorted by name."""
    infrastructure_causes: dict[str, int]
    """Infrastructure errors by what failed, the most frequent first."""
    retries: dict[str, int]
    """Attempts that were given up, of all episodes, by cause, the most frequent first."""
    llm_retries: dict[str, int]
    """Requests to models that failed and were sent again, of all episodes, by cause, the most
    frequent first."""
    served_models: dict[str, int]
    """Messages that a server gave under another model's name than that asked for, by this name, the
    most frequent first."""
    throughput: Throughput
    """How fast the run was played."""
    damaged_lines: int = Field(default=0)
    """Lines of the run that could not be read; their episodes are in no figure."""


def compute(summaries: Iterable[Summary], sittings: Sequence[Sitting] = ()) -> Report:
    """The report on some episodes and sittings of a run; episodes are read once and not kept."""
    everything, kinds = _Tally(), dict[str, _Tally]()
    causes, retries, llm_retries = Counter[str](), Counter[str](), Counter[str]()
    served_models = Counter[str]()
    for summary in summaries:
        everything.add(summary)
        kinds.setdefault(summary.kind, _Tally()).add(summary)
        retries.update(summary.retries)
        llm_retries.update(summary.llm_retries)
        served_models.update(summary.served_models)
        if summary.outcome is Outcome.INFRASTRUCTURE_ERROR:
            causes[summary.error or "unknown"] += 1
    return Report(
        **dict(everything.figures()),
        by_kind={kind: kinds[kind].figures() for kind in sorted(kinds)},
        infrastructure_causes=dict(causes.most_common()),
        retries=dict(retries.most_common()),
        llm_retries=dict(llm_retries.most_common()),
        served_models=dict(served_models.most_common()),
        throughput=sum_up(sittings, everything.counts["turns"], everything.seconds),
    )


def wilson_interval(successes: int, episodes: int) -> tuple[float, float] | None:
    """The Wilson score interval of a success rate at `CONFIDENCE`; None where there is no episode.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
    Journal of the American Statistical Association 22 (1927).
    """
    if episodes == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(successes, episodes).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass
class _Tally:
    """Sums over the episodes of a group."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    truncated: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    of_successes: Counter[str] = field(default_factory=Counter)

    def add(self, summary: Summary) -> None:
        """Count an episode."""
        self.outcomes[summary.outcome] += 1
        if summary.outcome is Outcome.INFRASTRUCTURE_ERROR:
            return
        if summary.outcome is Outcome.TRUNCATED:
            self.truncated[summary.limit or "unknown"] += 1
        for name in _COUNTS:
            self.counts[name] += getattr(summary, name)
            if summary.outcome is Outcome.SUCCESS:
                self.of_successes[name] += getattr(summary, name)
        for name, value in summary.seconds:
            self.seconds[name] = self.seconds.get(name, 0.0) + value

    @property
    def episodes(self) -> int:
        """Scored episodes."""
        return self.outcomes.total() - self.outcomes[Outcome.INFRASTRUCTURE_ERROR]

    @property
    def successes(self) -> int:
        """Episodes that reached the goal."""
        return self.outcomes[Outcome.SUCCESS]

    def figures(self) -> Figures:
        """The figures of the episodes counted so far."""
        return Figures(
            episodes=self.episodes,
            successes=self.successes,
            success_rate=_mean(self.successes, self.episodes),
            interval=wilson_interval(self.successes, self.episodes),
            outcomes={outcome.value: self.outcomes[outcome] for outcome in _SCORED},
            truncated=dict(self.truncated.most_common()),
            infrastructure_errors=self.outcomes[Outcome.INFRASTRUCTURE_ERROR],
            turns=self._effort("turns"),
            calls=self._count("calls"),
            failed_calls=self._count("failed_calls"),
            steps=self._effort("steps"),
            tokens=PolicyTokens(
                **dict(self._tokens("prompt_tokens", "completion_tokens")),
                cached=self._count("cached_tokens"),
            ),
            feedback_tokens=self._tokens("feedback_prompt_tokens", "feedback_completion_tokens"),
            characters=self._count("characters"),
            format_errors=self._count("format_errors"),
            cached_messages=self._count("cached_messages"),
            seconds=self._seconds(),
        )

    def _count(self, *names: str) -> Count:
        total = sum(self.counts[name] for name in names)
        return Count(total=total, mean=_mean(total, self.episodes))

    def _effort(self, name: str) -> Effort:
        return Effort(
            **dict(self._count(name)),
            mean_of_successes=_mean(self.of_successes[name], self.successes),
        )

    def _tokens(self, prompt: str, completion: str) -> Tokens:
        return Tokens(
            **dict(self._count(prompt, completion)),
            prompt=self._count(prompt),
            completion=self._count(completion),
        )

    def _seconds(self) -> Seconds:
        return Seconds(
            episode=self._amount("total"),
            policy=self._amount("policy"),
            interpreter=self._amount("interpreter"),
            environment=self._amount("environment"),
            framework=self._amount("framework"),
        )

    def _amount(self, name: str) -> Amount:
        total = self.seconds.get(name, 0.0)
        return Amount(total=total, mean=_mean(total, self.episodes))


_SCORED = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.TRUNCATED)
_COUNTS = (
    "turns",
    "calls",
    "failed_calls",
    "steps",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "feedback_prompt_tokens",
    "feedback_completion_tokens",
    "characters",
    "format_errors",
    "cached_messages",
)


def _mean(total: float, number: int) -> float | None:
    return total / number if number else None
