"""Makes the policy of each episode from a run's configuration."""

from __future__ import annotations

import inspect

from embodied.config.schema import PolicyConfig, RunConfig
from embodied.errors import ConfigError
from embodied.feedback import FeedbackProvider
from embodied.feedback.llm import make_feedback_provider
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.policies.function import FunctionPolicy, policy_object
from embodied.policy import Policy, PolicyContext
from embodied.task import Task


class PolicyFactory:
    """Holds what the episodes of a worker share: the clients of the LLM servers."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._kind = policy_class(config.policy)
        self._clients: dict[str, LLMClient] = {}
        for model in models(config):
            self._client(model)

    def make(self, task: Task, sample: int) -> Policy:
        """Make the policy for one episode.

        Raises:
            ConfigError: the configuration does not allow it.
        """
        options = self._config.policy.options
        context = PolicyContext(task, sample, options, self._config, self._client)
        policy = self._kind.create(context)
        if policy.name == Policy.name:
            policy.name = self._kind.label(self._config, sample)
        return policy

    def feedback_provider(self, sample: int) -> FeedbackProvider | None:
        """Make what comments on the turns of one episode."""
        if self._config.feedback is None:
            return None
        model = feedback_model(self._config)
        client = self._client(model) if model else None
        return make_feedback_provider(self._config.feedback, client, sample=sample)

    @property
    def waited_seconds(self) -> float:
        """Time in which requests waited for the rate limits of the servers."""
        return sum(client.waited_seconds for client in self._clients.values())

    async def close(self) -> None:
        """Close the connections to the servers."""
        for client in self._clients.values():
            await client.close()

    def _client(self, model: LLMConfig) -> LLMClient:
        key = model.model_dump_json()
        if key not in self._clients:
            self._clients[key] = LLMClient(model)
        return self._clients[key]


def policy_class(config: PolicyConfig) -> type[Policy]:
    """Find the class of a run's policy; that of a function is `FunctionPolicy`.

    Raises:
        ConfigError: there is none of this name, or it was given in a Python program that is over.
    """
    value = policy_object(config)
    if isinstance(value, type) and issubclass(value, Policy):
        return value
    return FunctionPolicy


def check_options(config: PolicyConfig) -> None:
    """Raise ConfigError for options that a run's policy does not take, or does not get."""
    kind = policy_class(config)
    if kind.create.__func__ is not Policy.create.__func__:  # type: ignore[attr-defined]
        return
    try:
        inspect.signature(kind).bind(**config.options)
    except TypeError as error:
        raise ConfigError(f"policy.options of {kind.__name__}: {error}") from None


def feedback_model(config: RunConfig) -> LLMConfig | None:
    """Return the model that comments on turns, where one does."""
    if config.feedback is None or config.feedback.by != "llm":
        return None
    return config.feedback.llm or config.llm


def models(config: RunConfig) -> list[LLMConfig]:
    """List the models that a run asks: the policy's and the feedback provider's, each once."""
    player = config.llm_section() if policy_class(config.policy).asks_llm else None
    provider = feedback_model(config)
    both = (player, provider if provider != player else None)
    return [model for model in both if model is not None]
