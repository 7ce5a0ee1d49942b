"""Pictures as attachments, and GIFs for people."""

import io
from pathlib import Path

import pytest
from embodied_envs.robosuite.installation import problems
from PIL import Image, ImageSequence

import embodied
from embodied.plugins.registry import make_environment
from embodied.simulated_llm import ServerProcess
from embodied.task import Task

pytestmark = pytest.mark.skipif(bool(problems(cameras=True)), reason="; ".join(problems(True)))


def test_observations_have_pictures_and_an_episode_leaves_a_film(
    tmp_path: Path, lift: Task
) -> None:
    environment = make_environment("robosuite", cameras=["agentview"], record=tmp_path / "films")
    first = environment.reset(lift)
    result = environment.step("move_to 0.1 0.1 1 30")
    environment.close()
    pictures = [*first.attachments, *result.observation.attachments]
    assert [(file.name, file.media_type) for file in pictures] == [
        ("agentview.png", "image/png")
    ] * 2
    before, after = (Image.open(io.BytesIO(file.data)) for file in pictures)
    assert before.size == (256, 256)
    assert before.tobytes() != after.tobytes()
    assert len(before.getcolors(256 * 256) or ()) > 100
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["Lift-seed-0.gif"]
    frames = list(ImageSequence.Iterator(Image.open(tmp_path / "films" / "Lift-seed-0.gif")))
    assert len(frames) >= result.info["control_steps"] // 2
    assert frames[0].info["duration"] == 100


def test_a_model_is_shown_what_the_cameras_see(tmp_path: Path) -> None:
    answer = 'seeing:<execute>\nopen_gripper()\nprint("{colour}")\n</execute>'
    with ServerProcess("--answers", answer) as server:
        run = embodied.run(
            env="robosuite",
            environment={"options": {"cameras": "frontview"}},
            policy="llm",
            llm={"model": "simulated", "base_url": server.base_url},
            tasks={"limit": 1},
            protocol={"limits": {"turns": 2}, "images": {"longest_side": 64}},
            runner={"kind": "local"},
            out=tmp_path / "run",
            progress=False,
        )
    (trajectory,) = run.trajectories()
    assert [part.name for part in trajectory.pictures] == ["frontview.png"] * 3
    sizes = {Image.open(io.BytesIO(run.picture(part))).size for part in trajectory.pictures}
    assert sizes == {(64, 64)}
    assert run.report().pictures.total == 3
