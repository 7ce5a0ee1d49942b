"""Workers as Ray actors, on a cluster that runs already or on one started for the run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from embodied.config import RunConfig
from embodied.errors import ConfigError, EmbodiedError
from embodied.runner.worker import Assignment, Result, Worker
from embodied.runner.workers import Pool, WorkerDied, WorkerHandle


class RayPool(Pool):
    """Starts workers as Ray actors."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self.size = config.runner.workers
        self._ray = _import_ray()
        self._any_started = False
        self._started_here = not self._ray.is_initialized()
        if self._started_here:
            self._connect()
        self._actor = self._ray.remote(Worker)

    def _connect(self) -> None:
        runner = self._config.runner
        options: dict[str, Any] = {"address": runner.ray_address}
        if runner.ray_address is None:
            cpus = max(os.cpu_count() or 1, round(runner.workers * runner.cpus_per_worker + 0.5))
            options = {
                "address": "local",
                "num_cpus": cpus,
                "include_dashboard": False,
                "object_store_memory": 128 * 1024 * 1024,
            }
        try:
            with _signal_kept(signal.SIGTERM):
                self._ray.init(**options, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = runner.ray_address or "this machine"
            raise ConfigError(f"Ray cannot be reached or started on {where}: {error}") from error

    async def start_worker(self) -> WorkerHandle:
        """An actor, once Ray has placed it and it has set itself up."""
        runner = self._config.runner
        actor = self._actor.options(
            num_cpus=runner.cpus_per_worker,
            max_concurrency=max(2, runner.episodes_per_worker + 1),
            max_restarts=0,
        ).remote(self._config)
        handle = _RayHandle(self._ray, actor)
        try:
            handle.slots = await asyncio.wait_for(
                handle.get(actor.start.remote()), runner.start_seconds
            )
        except TimeoutError:
            await handle.stop()
            raise self._late() from None
        except BaseException:
            await handle.stop()
            raise
        self._any_started = True
        return handle

    def _late(self) -> Exception:
        """What a start that took too long means: of the first worker, a cluster that cannot."""
        runner = self._config.runner
        message = (
            f"Ray did not start a worker within {runner.start_seconds:g} s; the cluster has "
            f"{self._ray.cluster_resources()}, a worker needs {runner.cpus_per_worker:g} CPU"
        )
        return WorkerDied(message) if self._any_started else ConfigError(message)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._started_here:
            self._ray.shutdown()


class _RayHandle(WorkerHandle):
    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor
        self.slots = 1

    async def get(self, reference: Any) -> Any:
        """The value of an object reference."""
        try:
            return await reference
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, EmbodiedError):
                raise cause from None
            raise ConfigError(f"a worker failed: {cause!r}") from error
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(_first_line(error)) from error

    async def run(self, assignment: Assignment) -> Result:
        return await self.get(self._actor.run.remote(assignment))  # type: ignore[no-any-return]

    async def stop(self) -> None:
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor, no_restart=True)


@contextlib.contextmanager
def _signal_kept(number: signal.Signals) -> Iterator[None]:
    """Keep the handler of a signal, in place of one that is set inside."""
    handler = signal.getsignal(number)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(number, handler)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray prints the deaths of workers to standard output, where a report may be read by a machine.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
        import ray.exceptions
    except ModuleNotFoundError:
        raise ConfigError(
            "runner.kind=ray needs the package ray; install it with: "
            "pip install 'embodied-codeact[ray]', or run with --set runner.kind=local"
        ) from None
    return ray
