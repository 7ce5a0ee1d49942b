"""Workers as Ray actors, on a cluster that runs already or on one started for the run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embodied._util.private_folder import private_folder
from embodied.errors import ConfigError, EmbodiedError, RunError
from embodied.runner.approvals import Question
from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerDied, WorkerHandle
from embodied.runner.concurrency import max_episodes
from embodied.runner.plan import ResolvedRun
from embodied.runner.short_path import short_path
from embodied.runner.worker import STOP_SECONDS, Worker
from embodied.trajectory import ApprovalRecord

_POLL_SECONDS = 0.5
_NOTICE_SECONDS = 30.0
"""How long a worker waits for room until the user is told."""
_NODE_HINT = (
    ". Is the same embodied-codeact, with the same extras and plugins, installed on every node? "
    "The logs of Ray on the node say more"
)

_JOIN_HINT = "if the cluster asks for a token, set RAY_AUTH_MODE=token"
_START_HINT = (
    "start the run again when the machine is less busy, or play without Ray: --runner.kind local"
)

_LOOPBACK = "127.0.0.1"
_TOKEN = secrets.token_hex(32)
"""What processes of a Ray that is started here know each other by. It is written to no file."""
_FOLDER_BYTES = 40
"""The longest path of Ray's folder below which those of its sockets fit into an address."""

_log = logging.getLogger(__name__)

_WORKERS_LINE = r"^(?!A worker died or was killed|\d+ Workers \(tasks / actors\) killed)"
_OTHER_CALLS = 8
"""Calls that a worker takes beside its episodes: to break one off, to stop, questions, answers."""
_LOG_SECONDS = 0.5
"""How long the last lines of a worker are under way."""
_GARBAGE = 200_000
"""Objects made until the garbage collector looks at the youngest. Records of episodes are many and
no garbage: with Python's own number it takes a sixth of a worker's time."""


class RayWorker(Worker):
    """A worker in a process of its own. Ray runs it on uvloop where that is installed."""

    def __repr__(self) -> str:
        """Return what Ray writes before each line that the worker prints."""
        return "worker"

    async def start(self, keys: Mapping[str, str] | None = None) -> int:
        """Set up as any worker, and for a process of its own."""
        gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])
        # Ray shows each stream on the user's own, where standard output is for the report.
        sys.stdout.flush()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        return await super().start(keys)


class RayPool(Pool):
    """Starts workers as Ray actors."""

    notice = "starting Ray"

    def __init__(self, run: ResolvedRun) -> None:
        self._config = run.config
        self._models = run.models
        self.size = run.config.runner.workers
        self._ray = _import_ray()
        self._any_started = False
        self._placed: set[_RayHandle] = set()
        self._last_left = time.monotonic()
        self._noticed = False
        self._started_here = not self._ray.is_initialized()
        self._resources = contextlib.ExitStack()
        if self._started_here:
            with contextlib.ExitStack() as resources:
                self._connect(resources)
                self._resources = resources.pop_all()
        self._actor = self._ray.remote(RayWorker)

    def _connect(self, resources: contextlib.ExitStack) -> None:
        runner = self._config.runner
        options = self._options(resources)
        try:
            self._ray.init(**options, log_to_driver=True, logging_level="ERROR")
        except Exception as error:  # a bare one where the start takes too long
            where = runner.ray_address or "this machine"
            hint = _JOIN_HINT if runner.ray_address else _START_HINT
            raise ConfigError(
                f"Ray cannot be reached or started on {where}: {str(error).rstrip('.')}; {hint}"
            ) from error

    def _options(self, resources: contextlib.ExitStack) -> dict[str, Any]:
        """Say which Ray to join, or how to start one, which uses the resources until the end."""
        runner = self._config.runner
        if runner.ray_address is not None:
            return {"address": runner.ray_address}
        resources.enter_context(_closed_to_others(self._ray))
        return {
            "address": "local",
            "num_cpus": max(
                os.cpu_count() or 1, round(runner.workers * runner.cpus_per_worker + 0.5)
            ),
            "resources": {
                name: amount * runner.workers
                for name, amount in runner.resources_per_worker.items()
            },
            "include_dashboard": False,
            "object_store_memory": 128 * 1024 * 1024,
            "_temp_dir": str(resources.enter_context(short_path(_folder(), _FOLDER_BYTES))),
            "_node_ip_address": _LOOPBACK,
        }

    async def start_worker(self) -> WorkerHandle:
        """Start an actor; wait for room, as long as others play, else for `start_seconds`."""
        runner = self._config.runner
        actor = self._actor.options(
            num_cpus=runner.cpus_per_worker,
            resources=dict(runner.resources_per_worker),
            scheduling_strategy="SPREAD",
            max_concurrency=max_episodes(runner.episodes_per_worker) + _OTHER_CALLS,
            max_restarts=0,
        ).remote(self._config)
        handle = _RayHandle(self._ray, actor, self._leave)
        try:
            await self._place(handle)
            async with asyncio.timeout(runner.start_seconds):
                # An argument of a call goes straight to the worker; the cluster keeps those of an
                # actor.
                names = {model.api_key_environment for model in self._models}
                await handle.start({name: os.environ[name] for name in names & os.environ.keys()})
        except TimeoutError:
            await handle.stop()
            late = WorkerDied if self._any_started else ConfigError
            raise late(
                f"a worker did not start within {runner.start_seconds:g} s (runner.start_seconds)"
            ) from None
        except BaseException:
            await handle.stop()
            raise
        self._any_started = True
        return handle

    async def _place(self, handle: _RayHandle) -> None:
        """Wait until Ray has found room for a worker."""
        placing = asyncio.create_task(handle.placed())
        since = time.monotonic()
        try:
            while not (await asyncio.wait([placing], timeout=_POLL_SECONDS))[0]:
                self._check_room(since)
            await placing
        except WorkerDied as died:
            hint = _NODE_HINT if self._config.runner.ray_address else ""
            raise WorkerDied(f"{died}{hint}") from died
        finally:
            placing.cancel()
        self._placed.add(handle)
        self._noticed = False

    def _check_room(self, since: float) -> None:
        now, patience = time.monotonic(), self._config.runner.start_seconds
        if not self._placed and now - self._last_left > patience:
            raise RunError(
                f"Ray started no worker within {patience:g} s (runner.start_seconds): "
                f"{self._room()}"
            )
        if now - since > _NOTICE_SECONDS and not self._noticed:
            self._noticed = True
            _log.warning(
                "%d of %d workers run, Ray has not started more for %g s: %s",
                *(len(self._placed), self.size, _NOTICE_SECONDS, self._room()),
            )

    def _room(self) -> str:
        """Say what a worker needs, and what the cluster has of it."""
        runner = self._config.runner
        needs = {"CPU": runner.cpus_per_worker, **runner.resources_per_worker}
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        fit = sum(all(node.get(name, 0) >= needs[name] for name in needs) for node in nodes)
        free = self._ray.available_resources()
        return (
            f"a worker needs {_amounts(needs)}; {fit} of {len(nodes)} nodes have as much, and "
            f"{_amounts({name: free.get(name, 0) for name in needs})} are free in all"
        )

    def _leave(self, handle: _RayHandle) -> None:
        self._placed.discard(handle)
        self._last_left = time.monotonic()

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._started_here:
            time.sleep(_LOG_SECONDS)
            self._ray.shutdown()
        self._resources.close()


class _RayHandle(WorkerHandle):
    def __init__(self, ray: Any, actor: Any, left: Callable[[_RayHandle], None]) -> None:
        self._ray = ray
        self._actor = actor
        self._left = left
        self._host = ""
        self._started = False
        self.slots = 1

    async def placed(self) -> None:
        self._host = await self.get(self._actor.host.remote())

    async def start(self, keys: dict[str, str]) -> None:
        try:
            self.slots = await self.get(self._actor.start.remote(keys))
            self._started = True
        except EmbodiedError as error:
            error.args = (f"on the node {self._host}: {error}",)
            raise

    async def get(self, reference: Any) -> Any:
        """Wait for the value of an object reference."""
        try:
            return await reference
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, EmbodiedError):
                raise cause from None
            raise ConfigError(f"a worker failed: {cause!r}") from error
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(self._cause(error)) from error

    def _cause(self, error: Exception) -> str:
        """Say why a worker is gone, without ids and addresses, so that reports can count causes."""
        if isinstance(error, self._ray.exceptions.ActorUnavailableError):
            return "it cannot be reached"
        text = [line for line in str(error).splitlines() if line.strip() and line[0] != "\t"]
        if getattr(error, "actor_init_failed", False):
            return text[-1]
        return text[min(1, len(text) - 1)].partition(". ")[0]

    async def run(self, assignment: Assignment) -> Result:
        try:
            return await self.get(self._actor.run.remote(assignment))  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._actor.cancel.remote(assignment.id)
            raise

    async def next_question(self) -> Question:
        return await self.get(self._actor.next_question.remote())  # type: ignore[no-any-return]

    async def answer(self, number: int, approval: ApprovalRecord) -> None:
        await self.get(self._actor.answer.remote(number, approval))

    async def waited_seconds(self, episode: str) -> float:
        return float(await self.get(self._actor.waited_seconds.remote(episode)))

    async def stop(self) -> None:
        self._left(self)
        with contextlib.suppress(Exception):
            if self._started:
                await asyncio.wait_for(self.get(self._actor.stop.remote()), STOP_SECONDS + 1)
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor, no_restart=True)


@contextmanager
def _closed_to_others(ray: Any) -> Iterator[None]:
    """Let a Ray that is started here listen to this machine alone, and to who knows its token.

    Without that, whoever reaches its ports can run code as this user. See
    https://docs.ray.io/en/latest/ray-security/token-auth.html (Ray 2.52 or newer).
    """
    constants = ray._private.ray_constants
    settings = {
        constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",  # no other machines, on Linux too
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _TOKEN,
    }
    before = {name: os.environ.get(name) for name in settings}
    joins_others = constants.ENABLE_RAY_CLUSTER
    os.environ.update(settings)
    constants.ENABLE_RAY_CLUSTER = False
    _read_token(ray)
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = joins_others
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})
        _read_token(ray)


def _read_token(ray: Any) -> None:
    """Let Ray in this process read the token again, which it does only once of itself."""
    with contextlib.suppress(AttributeError):
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _folder() -> Path:
    """Return the folder in which Ray keeps its logs and sockets.

    Raises:
        ConfigError: there is none that nobody else may enter.
    """
    try:
        return private_folder(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR")) / "ray"
    except OSError as error:
        raise ConfigError(str(error)) from None


def _amounts(resources: dict[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")
    # Every line of a worker is shown, and none of Ray on its death: that would go to standard
    # output, where a report may be read by a machine.
    os.environ.setdefault("RAY_DEDUP_LOGS_ALLOW_REGEX", _WORKERS_LINE)
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
