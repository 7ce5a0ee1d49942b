"""The figures in Prometheus' text format, under vLLM's names (vllm/v1/metrics/loggers.py)."""

from __future__ import annotations

from embodied.simulated_llm.simulated_engine import Engine


def metrics_text(engine: Engine, model: str) -> str:
    """The metrics of an engine: of vLLM's, those that the simulation has."""
    totals = engine.totals
    gauges = {
        "num_requests_running": float(engine.running),
        "num_requests_waiting": float(engine.waiting),
        "kv_cache_usage_perc": engine.cache.used / engine.cache.capacity,
    }
    counters = {
        "prefix_cache_queries": totals.prefix_cache_queries,
        "prefix_cache_hits": totals.prefix_cache_hits,
        "prompt_tokens": totals.prompt_tokens,
        "generation_tokens": totals.generation_tokens,
        "request_success": totals.requests,
    }
    escaped = model.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    labels = f'{{engine="0",model_name="{escaped}"}}'
    lines: list[str] = []
    for name, gauge in gauges.items():
        lines += (f"# TYPE vllm:{name} gauge", f"vllm:{name}{labels} {gauge}")
    for name, total in counters.items():
        lines += (f"# TYPE vllm:{name}_total counter", f"vllm:{name}_total{labels} {total}.0")
    return "\n".join([*lines, ""])
