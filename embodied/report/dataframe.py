"""The episodes of a run as a pandas data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embodied.errors import ConfigError
from embodied.store import EpisodeSeconds, RunReader, Summary
from embodied.trajectory import Outcome

if TYPE_CHECKING:
    import pandas

_LEFT_OUT = {
    "metrics",
    "seconds",
    "retries",
    "served_models",
    "llm_retries",
    "shard",
    "offset",
    "length",
}
_FIELDS = [name for name in Summary.model_fields if name not in _LEFT_OUT]
_SECONDS = {
    part: "seconds" if part == "total" else f"{part}_seconds"
    for part in EpisodeSeconds.model_fields
}


def dataframe(run: RunReader) -> pandas.DataFrame:
    """Tabulate the episodes of a run, one row an episode, in the order of writing.

    The columns are the fields of `Summary` that hold one value (`task_id`, `kind`, `sample`,
    `outcome`, `reward`, `turns`, `steps`, `calls`, ...); `success`, true or false; `tokens`, those
    of prompt and completion together; `seconds`, wall time, and its parts as `policy_seconds` and
    so on; the simulator's own figures, as `metrics.score`.

    Raises:
        ConfigError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ConfigError("a data frame needs pandas; install it: pip install pandas") from None
    rows = [_row(summary) for summary in run.summaries()]
    columns = [*_FIELDS, "success", "tokens", *_SECONDS.values()]
    metrics = sorted({name for row in rows for name in row.keys() - columns})
    return pandas.DataFrame(rows, columns=[*columns, *metrics])


def _row(summary: Summary) -> dict[str, Any]:
    return {
        **{name: getattr(summary, name) for name in _FIELDS},
        "outcome": summary.outcome.value,
        "success": summary.outcome is Outcome.SUCCESS,
        "tokens": summary.prompt_tokens + summary.completion_tokens,
        **{_SECONDS[part]: seconds for part, seconds in summary.seconds},
        **{f"metrics.{name}": value for name, value in summary.metrics.items()},
    }
