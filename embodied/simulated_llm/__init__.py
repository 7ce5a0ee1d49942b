"""A simulated LLM server: the API and the timing of a real one, without a model.

It answers OpenAI's chat-completions API with what an expert, a recording or a fixed text says,
after the time that continuous batching on a stated machine would take, and injects faults on
request. So whole episodes can be tried without a GPU. The server is `SimulatedServer` in
`embodied.simulated_llm.simulated_server`, or `ServerProcess` in a process of its own.
"""

from __future__ import annotations

from embodied.simulated_llm.answers import Answers, FixedAnswers, make_answers
from embodied.simulated_llm.chat_schema import APIError
from embodied.simulated_llm.engine_statistics import Statistics
from embodied.simulated_llm.faults import Fault, FaultSampler
from embodied.simulated_llm.profile import INSTANT, Profile
from embodied.simulated_llm.server_process import ServerProcess
from embodied.simulated_llm.simulated_engine import SimulatedEngine

__all__ = [
    "INSTANT",
    "APIError",
    "Answers",
    "Fault",
    "FaultSampler",
    "FixedAnswers",
    "Profile",
    "ServerProcess",
    "SimulatedEngine",
    "Statistics",
    "make_answers",
]
