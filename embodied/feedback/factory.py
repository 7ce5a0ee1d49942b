"""Makes the feedback provider of an episode from its configuration."""

from __future__ import annotations

from embodied.errors import ConfigError
from embodied.feedback.base import FeedbackProvider
from embodied.feedback.config import FeedbackConfig
from embodied.feedback.llm import LLMFeedback
from embodied.feedback.rule import RuleFeedback
from embodied.llm.client import LLMClient


def make_feedback_provider(
    config: FeedbackConfig, client: LLMClient | None, *, sample: int = 0
) -> FeedbackProvider:
    """Make the feedback provider for one episode.

    Args:
        config: who comments, and how.
        client: of the model that comments; None: no model does.
        sample: number of the episode among those of its task.

    Raises:
        ConfigError: a model is to comment, and there is none.
    """
    if config.by == "rule":
        return RuleFeedback(config.form)
    if client is None:
        raise ConfigError(
            "feedback by an LLM needs a model: --feedback.llm.model NAME and "
            "--feedback.llm.base_url URL of its server, or the run's own section llm"
        )
    return LLMFeedback(client, config.form, sample=sample)
