"""MiniWoB++ as an `Environment`: its pages in a headless Chromium, judged by themselves."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from embodied.environment import (
    Attachment,
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.task import Task
from embodied_envs.miniwob import tasks
from embodied_envs.miniwob.commands import STEP_SECONDS, TEMPLATES, CommandError, perform

if TYPE_CHECKING:
    from embodied_envs.miniwob.browser import Browser

MODE = "train"
"""Which of a page's problems are drawn, where it tells them apart; the package's default."""
FULL_REWARD = 1.0
MOST_LINES = 200
MOST_TEXT = 12_000
"""Bounds of an observation, in lines and characters."""


class MiniWoB(Environment):
    """Small web tasks (arXiv 1802.08802): one page and a sentence that says what to do with it.

    The page itself judges. Success is its full raw reward, 1: all of the task, and without the
    page's discount for time, since time in the page passes by commands, 0.5 s each.
    """

    class Options(EnvironmentOptions, title="miniwob"):
        """What is seen, and how many tasks there are."""

        screenshots: bool = False
        """Whether each observation has a picture of the page attached."""
        seeds: int = Field(10, ge=1)
        """How many tasks of each kind there are."""

    default_split: ClassVar[str] = "paper"
    default_controller: ClassVar[str | None] = "browser"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 30, "steps": 50}
    """The expert's longest episode takes 22 steps."""
    capabilities = Capabilities(max_per_process=1)

    def __init__(self, **options: Any) -> None:
        """Make an environment without a browser; the first `reset` starts it.

        Raises:
            ConfigError: an option is wrong, or a package or program is not installed.
        """
        from embodied_envs.miniwob.chromium import find_programs

        self._screenshots = self.Options.parse(options).screenshots
        tasks.pages()
        find_programs()
        self._browser: Browser | None = None
        self._over: StepResult | None = None

    @classmethod
    def attaches_pictures(cls, **options: Any) -> bool:
        """Tell whether the option `screenshots` asks for some."""
        return bool(cls.Options.parse(options).screenshots)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List each kind of the split with the seeds 0, 1, ...; first all kinds with seed 0."""
        seeds = cls.Options.parse(options).seeds
        split = split or cls.default_split
        return [
            Task(
                environment="miniwob",
                id=f"{kind}/seed-{seed}",
                split=split,
                kind=kind,
                instruction=f"do what the page {kind} asks for",
                seed=seed,
            )
            for seed in range(seeds)
            for kind in tasks.kinds(split)
        ]

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """Look up Chromium and its driver."""
        from embodied_envs.miniwob.chromium import requirements

        return requirements()

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the package's version, a hash of the pages, and how time passes in them."""
        cls.Options.parse(options)
        timing = {"step_seconds": str(STEP_SECONDS), "page_deadline": "none", "mode": MODE}
        return {**tasks.version(split or cls.default_split), **timing}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Bring the task's page to its beginning and draw its problem by the seed.

        Raises:
            DataError: there is no such page.
            InfrastructureError: the browser does not start or answer.
        """
        page = tasks.page(task.kind)
        drawn = seed if seed is not None else task.seed or 0
        self._over = None
        try:
            browser = self._running()
            again = task.kind not in tasks.RELOADED
            return self._seen(browser, browser.start(page, drawn, MODE, again)).observation
        except (ConfigError, DataError):
            raise
        except Exception as error:
            self.close()
            raise InfrastructureError(f"the page of {task.id} cannot be opened: {error}") from error

    def step(self, command: str) -> StepResult:
        """Send a command; `command_templates` lists them. After the end nothing changes any more.

        `info` has `success`, and after the end `raw_reward` and the page's `reason`.
        """
        if self._over is not None:
            return self._over
        if self._browser is None:
            raise RuntimeError("step() needs a reset first")
        from embodied_envs.miniwob.browser import PageError

        note, seconds = "", 0.0
        try:
            seconds = perform(self._browser, command)
        except (CommandError, PageError) as error:
            note = f"Nothing was done: {error}."
        page = self._browser.ask("observe", seconds * 1000)
        result = self._seen(self._browser, page, note)
        if result.terminated:
            self._over = result
        return result

    def command_templates(self) -> list[str]:
        """List the forms of the commands."""
        return list(TEMPLATES)

    def close(self) -> None:
        """End the browser; a later `reset` starts another."""
        if self._browser is not None:
            self._browser.close()
        self._browser = self._over = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _running(self) -> Browser:
        from embodied_envs.miniwob.browser import Browser

        if self._browser is None:
            self._browser = Browser()
        return self._browser

    def _seen(self, browser: Browser, page: Mapping[str, Any], note: str = "") -> StepResult:
        """Turn what the page says of itself into a result."""
        if page.get("left"):
            page = {"done": True, "raw_reward": -1.0, "reason": "the page was left"}
        if page["done"]:
            return _judged(page, self._pictures(browser))
        text = _text(page["instruction"], page["lines"], note)
        observation = Observation(text, self._pictures(browser))
        return StepResult(observation, 0.0, False, False, {"success": False})

    def _pictures(self, browser: Browser) -> tuple[Attachment, ...]:
        if not self._screenshots:
            return ()
        return (Attachment("page.png", "image/png", base64.b64decode(browser.picture())),)


def _judged(page: Mapping[str, Any], pictures: tuple[Attachment, ...]) -> StepResult:
    reward, reason = float(page["raw_reward"]), str(page["reason"])[:200]
    success = reward >= FULL_REWARD
    text = f"The task is over: {'solved' if success else 'failed'}, reward {reward:g}."
    info = {"success": success, "raw_reward": reward, "reason": reason}
    return StepResult(Observation(text, pictures), reward, True, False, info)


def _text(instruction: str, lines: list[str], note: str) -> str:
    shown, size = [], 0
    for line in lines[:MOST_LINES]:
        size += len(line) + 1
        if size > MOST_TEXT:
            break
        shown.append(line)
    if len(shown) < len(lines):
        shown.append(f"... ({len(lines) - len(shown)} more lines)")
    head = [note] if note else []
    return "\n".join([*head, f"Task: {instruction}", "Page:", *shown])
