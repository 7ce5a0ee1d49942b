"""The metrics of a run, computed from the summaries of its episodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from embodied._util.causes import cause_of
from embodied.errors import RunError
from embodied.report.intervals import TaskSums, mean_interval, rate_interval
from embodied.report.passes import PassRate, pass_at_k, pass_hat_k
from embodied.report.throughput import Throughput, aggregate_throughput, ratio
from embodied.store import RunInvocation, RunReader, Summary
from embodied.trajectory import Outcome, Record, TurnSeconds

UNREAD_CALLS = (
    "The server leaves function calls unread in the text of messages; start it with the parser of "
    "the model's calls. vLLM: --enable-auto-tool-choice --tool-call-parser NAME, e.g. hermes, "
    "llama3_json, mistral, deepseek_v3; SGLang: --tool-call-parser NAME; llama.cpp: --jinja. "
    "Or choose --action json, which needs none."
)


class Stat(Record):
    """A quantity of the scored episodes."""

    total: int | float
    mean: float | None
    """Per scored episode; None where there is none."""
    mean_of_successes: float | None
    """Per success; None where there is none."""


class Tokens(Stat):
    """Tokens, prompt and completion together and apart."""

    prompt: Stat
    completion: Stat


class PolicyTokens(Tokens):
    """Tokens of the policy."""

    cached: Stat
    """Prompt tokens that the server found in its prefix cache, where it says so."""


class Seconds(Record):
    """Wall time in seconds. What no turn takes is the reset of the environment."""

    episode: Stat
    policy: Stat
    interpreter: Stat
    environment: Stat
    framework: Stat


class Mean(Record):
    """A number that the simulator gives of an episode, over the scored episodes that have it."""

    episodes: int
    """Those that have it."""
    mean: float | None
    """None where there is none, or the numbers are too large to add up."""
    interval: tuple[float, float] | None
    """At `intervals.CONFIDENCE`, by tasks; None where there are fewer than two tasks, all have the
    same mean, or the numbers are too large."""


class Metrics(Record):
    """What a group of episodes came to.

    Episodes that ended with an infrastructure error are counted in `infrastructure_errors` and
    nowhere else. A `Stat` here is of the summaries' field of the same name.
    """

    episodes: int
    """Scored episodes."""
    tasks: int
    """Tasks that they are samples of."""
    successes: int
    success_rate: float | None
    """Successes per scored episode, from 0 to 1; None where there is none."""
    interval: tuple[float, float] | None
    """Interval of the success rate at `intervals.CONFIDENCE`, Wilson's by tasks (`rate_interval`);
    None where there is no episode."""
    pass_at_k: list[PassRate]
    """pass@k, for each k up to the samples of a task: how sure one of k samples is a success."""
    pass_hat_k: list[PassRate]
    """pass^k, for each k up to the samples of a task: how sure all of k samples are successes."""
    reward: Mean
    """Sum of the rewards of an episode's steps."""
    metrics: dict[str, Mean]
    """Each number in `info["metrics"]` of an episode's last step, by its name, sorted."""
    outcomes: dict[str, int]
    """Scored episodes by outcome."""
    truncated: dict[str, int]
    """Truncated episodes by the limit that cut them."""
    infrastructure_errors: int
    unscored: int = 0
    """Episodes of which nothing says whether they reached the goal; they are in no other figure."""
    turns: Stat
    calls: Stat
    failed_calls: Stat
    """Calls that raised an error."""
    steps: Stat
    """Environment steps."""
    tokens: PolicyTokens
    feedback_tokens: Tokens
    """Tokens of those who comment on the policy's turns, where the protocol has somebody do so."""
    characters: Stat
    """Characters that the policy wrote."""
    format_errors: Stat
    """Messages that could not be read as an action."""
    unread_calls: Stat
    """Messages with function calls that the server left in their text, for want of a parser."""
    cached_messages: Stat
    """Messages that a cache had kept: their episodes say nothing of a server's speed."""
    pictures: Stat
    """Pictures that the policy was shown."""
    cut_messages: Stat
    """Messages that used up the tokens that they may have, `llm.max_tokens`."""
    empty_messages: Stat
    """Messages that say nothing and call nothing."""
    seconds: Seconds


class Report(Metrics):
    """The metrics of a run."""

    by_kind: dict[str, Metrics]
    """The same metrics for each kind of task, sorted by name."""
    infrastructure_causes: dict[str, int]
    """Infrastructure errors by what failed, the most frequent first. Sentences that differ in
    numbers, ids or paths count as the most frequent one of them."""
    retries: dict[str, int]
    """Attempts that were given up, of all episodes, by cause, likewise."""
    llm_retries: dict[str, int]
    """Requests to models that failed and were sent again, of all episodes, by cause, the most
    frequent first."""
    served_models: dict[str, int]
    """Messages that a server gave under another model's name than that asked for, by this name, the
    most frequent first."""
    throughput: Throughput
    """How fast the run was played."""
    unread_calls_hint: str | None = None
    """What to do about function calls that the server left unread, where there are any."""
    warnings: list[str] = []
    """Settings by which the figures say less than they seem to."""
    damaged_lines: int = 0
    """Lines of the run that could not be read; their episodes are in no figure."""


def aggregate(summaries: Iterable[Summary], invocations: Sequence[RunInvocation] = ()) -> Report:
    """Aggregate episodes and invocations of a run; episodes are read once and not kept."""
    everything, kinds = _Tally(), dict[str, _Tally]()
    causes, retries, llm_retries = Counter[str](), Counter[str](), Counter[str]()
    served_models = Counter[str]()
    for summary in summaries:
        everything.add(summary)
        kinds.setdefault(summary.kind, _Tally()).add(summary)
        retries.update(summary.retries)
        llm_retries.update(summary.llm_retries)
        served_models.update(summary.served_models)
        if not summary.finished:
            causes[summary.error or "unknown"] += 1
    return Report(
        **dict(everything.metrics()),
        by_kind={kind: kinds[kind].metrics() for kind in sorted(kinds)},
        infrastructure_causes=_grouped(causes),
        retries=_grouped(retries),
        llm_retries=dict(llm_retries.most_common()),
        served_models=dict(served_models.most_common()),
        throughput=aggregate_throughput(invocations, everything.totals),
        unread_calls_hint=UNREAD_CALLS if everything.totals["unread_calls"] else None,
    )


def _grouped(sentences: Counter[str]) -> dict[str, int]:
    """Count the sentences that name one cause as the most frequent one of them."""
    first: dict[str, str] = {}
    counts = Counter[str]()
    for sentence, count in sentences.most_common():
        counts[first.setdefault(cause_of(sentence), sentence)] += count
    return dict(counts.most_common())


def aggregate_run(run: RunReader) -> Report:
    """Aggregate all that a run stores so far."""
    report = aggregate(run.summaries(), run.invocations())
    changes = {"damaged_lines": len(run.damaged), "warnings": _warnings(run)}
    return report.model_copy(update=changes)


def _warnings(run: RunReader) -> list[str]:
    try:
        return run.protocol.warnings()
    except RunError as error:
        return [str(error)]


@dataclass
class _Tally:
    """Sums over the episodes of a group."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    truncated: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    of_successes: Counter[str] = field(default_factory=Counter)
    successes: TaskSums = field(default_factory=TaskSums)
    rewards: TaskSums = field(default_factory=TaskSums)
    metric_sums: dict[str, TaskSums] = field(default_factory=dict)

    def add(self, summary: Summary) -> None:
        self.outcomes[summary.outcome] += 1
        if not summary.scored:
            return
        if summary.outcome is Outcome.TRUNCATED:
            self.truncated[summary.limit or "unknown"] += 1
        amounts = {name: getattr(summary, name) for name in _COUNTS} | dict(summary.seconds)
        self.totals.update(amounts)
        if summary.outcome is Outcome.SUCCESS:
            self.of_successes.update(amounts)
        self.successes.add(summary.task_id, summary.outcome is Outcome.SUCCESS)
        self.rewards.add(summary.task_id, summary.reward)
        for name, value in summary.metrics.items():
            self.metric_sums.setdefault(name, TaskSums()).add(summary.task_id, value)

    def metrics(self) -> Metrics:
        by_task = self.successes.by_task
        return Metrics(
            episodes=self._episodes,
            tasks=len(by_task),
            successes=self._successes,
            success_rate=ratio(self._successes, self._episodes),
            interval=rate_interval(by_task),
            pass_at_k=pass_at_k(by_task),
            pass_hat_k=pass_hat_k(by_task),
            reward=_mean(self.rewards),
            metrics={name: _mean(sums) for name, sums in sorted(self.metric_sums.items())},
            outcomes={outcome.value: self.outcomes[outcome] for outcome in _SCORED},
            truncated=dict(self.truncated.most_common()),
            infrastructure_errors=self.outcomes[Outcome.INFRASTRUCTURE_ERROR],
            unscored=self.outcomes[Outcome.UNSCORED],
            tokens=PolicyTokens(
                **dict(self._tokens("prompt_tokens", "completion_tokens")),
                cached=self._stat("cached_tokens"),
            ),
            feedback_tokens=self._tokens("feedback_prompt_tokens", "feedback_completion_tokens"),
            seconds=Seconds(
                episode=self._stat("total"),
                **{part: self._stat(part) for part in TurnSeconds.model_fields},
            ),
            **{name: self._stat(name) for name in _STATS},
        )

    @property
    def _episodes(self) -> int:
        return sum(self.outcomes[outcome] for outcome in _SCORED)

    @property
    def _successes(self) -> int:
        return self.outcomes[Outcome.SUCCESS]

    def _stat(self, *names: str) -> Stat:
        total = sum(self.totals[name] for name in names)
        of_successes = sum(self.of_successes[name] for name in names)
        return Stat(
            total=total,
            mean=ratio(total, self._episodes),
            mean_of_successes=ratio(of_successes, self._successes),
        )

    def _tokens(self, prompt: str, completion: str) -> Tokens:
        return Tokens(
            **dict(self._stat(prompt, completion)),
            prompt=self._stat(prompt),
            completion=self._stat(completion),
        )


def _mean(sums: TaskSums) -> Mean:
    return Mean(episodes=sums.episodes, mean=sums.mean, interval=mean_interval(sums.by_task))


_SCORED = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.TRUNCATED)
_STATS = [name for name, of in Metrics.model_fields.items() if of.annotation is Stat]
_COUNTS = (*_STATS, *(name for name in Summary.model_fields if name.endswith("_tokens")))
