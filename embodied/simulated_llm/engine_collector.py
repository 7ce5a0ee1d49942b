"""The metrics of a simulated engine, under vLLM's names (vllm/v1/metrics/loggers.py)."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from embodied.simulated_llm.simulated_engine import SimulatedEngine

_LABELS = ("engine", "model_name")


class EngineCollector(Collector):
    """Collects those of vLLM's metrics that the simulation has."""

    def __init__(self, engine: SimulatedEngine, model: str) -> None:
        self._engine = engine
        self._label_values = ("0", model)

    def collect(self) -> Iterator[Metric]:
        """Read the engine's figures."""
        engine, totals = self._engine, self._engine.totals
        gauges = {
            "num_requests_running": ("Requests in execution.", engine.running),
            "num_requests_waiting": ("Requests that wait.", engine.waiting),
            "kv_cache_usage_perc": ("1: all in use.", engine.cache.used / engine.cache.capacity),
        }
        counters = {
            "prefix_cache_queries": ("Prompt tokens looked for.", totals.prefix_cache_queries),
            "prefix_cache_hits": ("Prompt tokens found.", totals.prefix_cache_hits),
            "prompt_tokens": ("Prompt tokens.", totals.prompt_tokens),
            "generation_tokens": ("Generated tokens.", totals.generation_tokens),
            "request_success": ("Requests answered.", totals.requests),
        }
        for kind, figures in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
            for name, (documentation, value) in figures.items():
                metric = kind(f"vllm:{name}", documentation, labels=_LABELS)
                metric.add_metric(self._label_values, value)
                yield metric
