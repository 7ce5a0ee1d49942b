"""Makes the policy of each episode from a run's configuration."""

from __future__ import annotations

import os

from embodied.config.schema import RunConfig
from embodied.errors import ConfigError
from embodied.feedback import FeedbackProvider
from embodied.feedback.factory import make_feedback_provider
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.policies.expert import ExpertPolicy
from embodied.policies.human import HumanPolicy
from embodied.policies.llm import LLMPolicy
from embodied.policies.oracle import OraclePolicy
from embodied.policy import Policy
from embodied.replay.policy import ReplayPolicy
from embodied.replay.recordings import load_recordings, recording_name
from embodied.task import Task


class PolicyFactory:
    """Holds what the episodes of a worker share: the client of the LLM server, recordings."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._client: LLMClient | None = None
        self._recordings = load_recordings(config.policy.recordings)
        if config.policy.name == "llm":
            self._client = LLMClient(llm_config(config))
        self._feedback_client = self._client
        model = feedback_model(config)
        if model is not None and (self._client is None or model != config.llm):
            self._feedback_client = LLMClient(model)

    def make(self, task: Task, sample: int) -> Policy:
        """The policy for one episode.

        Raises:
            ConfigError: a recording does not hold the episode.
        """
        match self._config.policy.name:
            case "expert":
                return ExpertPolicy()
            case "oracle":
                return OraclePolicy()
            case "human":
                return HumanPolicy()
            case "replay":
                return self._replay(task, sample)
            case "llm":
                assert self._client is not None  # noqa: S101 - set by __init__
                return LLMPolicy(self._client, sample=sample)

    def commentator(self, sample: int) -> FeedbackProvider | None:
        """Who comments on the turns of one episode."""
        if self._config.feedback is None:
            return None
        return make_feedback_provider(self._config.feedback, self._feedback_client, sample=sample)

    async def close(self) -> None:
        """Close the connections to the servers."""
        for client in {self._client, self._feedback_client}:
            if client is not None:
                await client.close()

    def _replay(self, task: Task, sample: int) -> Policy:
        recording = self._recordings.get((task.id, sample))
        if recording is None:
            raise ConfigError(f"no recording holds sample {sample} of the task {task.id!r}")
        return ReplayPolicy(recording.policy, [turn.message for turn in recording.turns])


def policy_name(config: RunConfig, sample: int) -> str:
    """The name that the policy of an episode has in its trajectory."""
    name, recordings = config.policy.name, config.policy.recordings
    if name == "llm":
        return f"llm:{llm_config(config).model}"
    if name == "replay" and sample < len(recordings):
        return f"replay:{recording_name(recordings[sample])}"
    return name


def feedback_model(config: RunConfig) -> LLMConfig | None:
    """The model that comments on turns, where one does."""
    if config.feedback is None or config.feedback.by != "llm":
        return None
    return config.feedback.llm or config.llm


def longest_outage(config: RunConfig) -> float:
    """How long an episode may wait for a model's server that is gone, in seconds."""
    return max((model.outage_seconds for model in models(config)), default=0.0)


def api_keys(config: RunConfig) -> dict[str, str]:
    """The API keys that this process has for a run's models, by the variables that hold them."""
    names = {model.api_key_environment for model in models(config)}
    return {name: os.environ[name] for name in names if name in os.environ}


def models(config: RunConfig) -> list[LLMConfig]:
    """The models that a run asks."""
    player = config.llm if config.policy.name == "llm" else None
    return [model for model in (player, feedback_model(config)) if model is not None]


def llm_config(config: RunConfig) -> LLMConfig:
    """The LLM section of a run that needs one.

    Raises:
        ConfigError: it is missing.
    """
    if config.llm is None:
        raise ConfigError(
            "the policy llm needs a model: --llm.model NAME and --llm.base_url URL of its server"
        )
    return config.llm
