"""The front door in Python: what `import embodied` offers for whole runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Message, Policy, Reply
from embodied.errors import RunError
from embodied.testing import corridor

CORRIDOR = f"{corridor.__file__}:Corridor"
LOCAL = {"kind": "local"}
PLAN = """<execute>
while "key" not in take_key():
    if "cell 6" in walk("right"):
        for _ in range(6):
            walk("left")
</execute>"""


def play(out: Path, **settings: Any) -> embodied.Run:
    return embodied.run(env=CORRIDOR, out=out, **{"runner": LOCAL, "progress": False} | settings)


def give_up(messages: Sequence[Message]) -> str | None:
    return None


async def look(messages: Sequence[Message]) -> str:
    return "<execute>\nprint(1)\n</execute>"


def test_a_run_is_played_reported_and_read(tmp_path: Path) -> None:
    run = play(tmp_path / "a", tasks={"limit": 3}, samples=2)
    assert run.report().success_rate == 1.0
    assert {t.episode_id for t in run.trajectories()} == {
        f"corridor-{n}#{sample}" for n in range(3) for sample in range(2)
    }
    table = run.dataframe()
    assert len(table) == 6
    assert set(table["outcome"]) == {"success"}


def test_settings_come_as_keywords_over_a_file_or_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"environment: {{name: '{CORRIDOR}'}}\ntasks: {{limit: 2}}\n")
    with_file = embodied.run(file, tasks={"samples": 2}, runner=LOCAL, out=tmp_path / "a")
    mapping = {"environment": {"name": CORRIDOR}, "tasks": {"limit": 2}}
    with_mapping = embodied.run(mapping, samples=2, runner=LOCAL, out=tmp_path / "b")
    assert len(list(with_file.summaries())) == len(list(with_mapping.summaries())) == 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"splti": "x"}, r"the keywords:\n  splti: there is no such setting; did you mean 'split'"),
        ({"runner": {"kind": "rai"}}, "runner"),
        ({"policy": "exprt"}, r"policy\.name: there is no 'exprt'; did you mean 'expert'"),
        ({"tasks": {"limit": 0}}, r"tasks\.limit"),
        ({"policy": {"name": "expert", "options": {"depth": 3}}}, r"policy\.options"),
        ({"policy": look, "interpreter": "fast"}, r"protocol\.interpreter"),
    ],
)
def test_mistakes_are_said_as_on_the_command_line(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        play(tmp_path / "a", **settings)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("policy", [look, give_up, lambda messages: Reply("no code at all")])
def test_a_function_plays(tmp_path: Path, policy: Any) -> None:
    run = play(tmp_path / "a", policy=policy, tasks={"limit": 2}, protocol={"limits": {"turns": 2}})
    assert [s.outcome for s in run.summaries()] != []
    assert run.report().success_rate == 0.0
    assert run.protocol.policy["name"].startswith("python:")
    assert len(run.protocol.policy["source_sha256"]) == 64


class Mine(Policy):
    def __init__(self, turns: int = 1) -> None:
        self.turns = turns

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        self.turns -= 1
        return Reply("hm") if self.turns >= 0 else None


def test_a_class_plays_with_its_options(tmp_path: Path) -> None:
    policy = {"name": f"{__file__}:Mine", "options": {"turns": 2}}
    for number, given in enumerate([policy, Mine]):
        run = play(tmp_path / str(number), policy=given, tasks={"limit": 1})
        (trajectory,) = run.trajectories()
        assert len(trajectory.turns) == 2 - number
        assert trajectory.policy == run.protocol.policy["name"]


def test_what_a_policy_raises_is_no_failure_of_the_task(tmp_path: Path) -> None:
    def broken(messages: Sequence[Message]) -> str:
        raise KeyError("mug")

    run = play(tmp_path / "a", policy=broken, tasks={"limit": 1}, runner={**LOCAL, "retries": 0})
    (trajectory,) = run.trajectories()
    assert trajectory.outcome is embodied.Outcome.INFRASTRUCTURE_ERROR
    assert "KeyError: 'mug'" in str(trajectory.error)
    assert Path(__file__).name in str(trajectory.error)


def test_a_policy_of_another_type_than_text_is_named(tmp_path: Path) -> None:
    run = play(
        tmp_path / "a",
        policy=lambda messages: 3,
        tasks={"limit": 1},
        runner={**LOCAL, "retries": 0},
    )
    (trajectory,) = run.trajectories()
    assert "returned int; return a text" in str(trajectory.error)


def test_another_function_of_the_same_name_is_another_protocol(tmp_path: Path) -> None:
    def first(messages: Sequence[Message]) -> None:
        return None

    def second(messages: Sequence[Message]) -> str:
        return "x"

    second.__qualname__ = first.__qualname__
    play(tmp_path / "a", policy=first, tasks={"limit": 1})
    with pytest.raises(RunError, match="source_sha256"):
        play(tmp_path / "a", policy=second, tasks={"limit": 1})


def test_a_run_inside_an_event_loop_works(tmp_path: Path) -> None:
    async def notebook() -> tuple[float | None, float | None]:
        blocking = play(tmp_path / "a", tasks={"limit": 1})
        awaited = await embodied.run_async(
            env=CORRIDOR, runner=LOCAL, out=tmp_path / "b", tasks={"limit": 1}
        )
        return blocking.report().success_rate, awaited.report().success_rate

    assert asyncio.run(notebook()) == (1.0, 1.0)


def test_a_cancelled_run_is_resumed_where_it_was(tmp_path: Path) -> None:
    asked = 0

    async def waits(messages: Sequence[Message]) -> str | None:
        nonlocal asked
        asked += 1
        if asked > 3:
            await asyncio.sleep(3600)
        return None

    async def main() -> None:
        playing = asyncio.create_task(
            embodied.run_async(
                env=CORRIDOR,
                policy=waits,
                out=tmp_path / "a",
                runner={**LOCAL, "episodes_per_worker": 1},
            )
        )
        while asked <= 3 and not playing.done():
            await asyncio.sleep(0.01)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    asyncio.run(main())
    assert len(list(embodied.open_run(tmp_path / "a").summaries())) == 3
    asked = -100
    with pytest.raises(ConfigError, match=r"embodied\.resume\(FOLDER, policy="):
        embodied.resume(tmp_path / "a")
    run = embodied.resume(tmp_path / "a", policy=waits, runner=LOCAL)
    assert len(list(run.summaries())) == 8


def test_only_how_a_run_is_played_changes_when_it_is_resumed(tmp_path: Path) -> None:
    play(tmp_path / "a", tasks={"limit": 1})
    with pytest.raises(ConfigError, match="seed cannot be changed when a run is resumed"):
        embodied.resume(tmp_path / "a", seed=3)
    with pytest.raises(RunError):
        embodied.resume(tmp_path / "nowhere")


PROGRAM = """
    import embodied
    import sys

    WORD = "<execute>\\nprint(1)\\n</execute>"

    async def mine(messages):
        return WORD

    if __name__ == "__main__":
        kind, out = sys.argv[1:]
        run = embodied.run(env={env!r}, policy=mine, samples=3, out=out, protocol={{"limits":
            {{"turns": 2}}}}, runner={{"kind": kind, "workers": 2}})
        print(run.report().episodes, run.protocol.policy["name"])
"""


@pytest.mark.parametrize("kind", ["local", "ray"])
@pytest.mark.parametrize("imported", [False, True])
def test_a_policy_of_a_program_plays_on_each_pool(
    tmp_path: Path, kind: str, imported: bool
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM.format(env=CORRIDOR)))
    if imported:
        source = program.read_text().replace("import sys", "import sys\nfrom mine_here import mine")
        source = source.replace("async def mine", "async def _unused")
        (tmp_path / "mine_here.py").write_text(
            'WORD = "<execute>\\nprint(1)\\n</execute>"\n\nasync def mine(messages):\n'
            "    return WORD\n"
        )
        program.write_text(source)
    done = subprocess.run(
        [sys.executable, program, kind, tmp_path / "run"],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.split() == ["24", "python:mine"], done.stderr


def test_a_run_is_extended_by_samples_and_by_tasks(tmp_path: Path) -> None:
    play(tmp_path / "a", tasks={"limit": 2})
    assert len(list(play(tmp_path / "a", tasks={"limit": 3}).summaries())) == 3
    run = embodied.resume(tmp_path / "a", samples=2)
    assert len(list(run.summaries())) == 6
    assert run.protocol.tasks["samples"] == 2
    with pytest.raises(RunError, match="another protocol"):
        embodied.resume(tmp_path / "a", tasks={"limit": 1})
