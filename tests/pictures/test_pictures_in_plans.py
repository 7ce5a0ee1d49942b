"""Pictures that actions return: handles in plans, and shown at once in formats of calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from embodied import Controller, Image, Protocol, Reply, action, run_episode
from embodied.action_formats import make_format
from embodied.handle import Handle, Handles
from embodied.interpreter import Interpreters
from embodied.policies.function import FunctionPolicy
from embodied.testing import Corridor
from embodied.trajectory import ToolCall, Trajectory
from tests.pictures.lamp import picture

INTERPRETERS = ["restricted", "full"]
FORGED = [
    *('"image-7"', "'../../etc/passwd'", "7", "None", '{"id": "image-2"}', "Image('x')"),
    *('{"id": {}}', "[1] * 1000", "camera", "Image(['image-1'])", "Image(id='image-1' * 9999)"),
]

SHARED = Interpreters()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    SHARED.close()


class Photographer(Controller):
    """Takes pictures."""

    thread_safe = True

    @action
    def camera(self, name: Literal["wrist", "front"]) -> Image:
        """Take a picture."""
        return picture({"wrist": "red", "front": "blue"}[name], name)

    @action
    def panorama(self) -> list[Image]:
        """Take two pictures."""
        return [self.camera("wrist"), self.camera("front")]

    @action
    def colour(self, image: Image) -> str:
        """Name the colour of a picture."""
        red, _, blue = image.to_array().mean(axis=(0, 1)).tolist()
        return "red" if red > blue else "blue"


class Walker(Controller):
    """Takes no pictures."""

    @action
    def go(self) -> str:
        """Go."""
        return self.send("go right")


async def play(*messages: str | Reply, **protocol: Any) -> Trajectory:
    """An episode of these messages."""
    left = iter(messages)
    environment = Corridor()
    return await run_episode(
        Corridor.list_tasks()[0],
        environment,
        Photographer(environment),
        FunctionPolicy("test", lambda _: next(left, None)),
        Protocol.model_validate({"conversation": "m3", **protocol}),
        interpreters=SHARED,
    )


async def run(code: str, interpreter: str, **protocol: Any) -> Trajectory:
    return await play(f"Action:\n{code}\nEnd Action", interpreter=interpreter, **protocol)


def names(trajectory: Trajectory, turn: int = 0) -> list[str]:
    return [part.name for part in trajectory.turns[turn].pictures]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
class TestPlans:
    async def test_a_handle_is_passed_on_and_shown(self, interpreter: str) -> None:
        code = (
            'seen = camera("wrist")\nprint(seen, seen.id, colour(seen))\n'
            "both = panorama()\nprint(colour(both[1]), [show(each) for each in both])"
        )
        trajectory = await run(code, interpreter)
        (turn,) = trajectory.turns
        assert turn.stdout.splitlines() == [
            "Image(id='image-1') image-1 red",
            "blue [None, None]",
        ]
        assert names(trajectory) == ["wrist", "front"]
        assert trajectory.pictures[0].data == picture("red", "wrist").data
        assert turn.calls[0].result == "image-1"

    async def test_what_is_not_shown_is_not_seen(self, interpreter: str) -> None:
        assert names(await run('print(camera("wrist"))', interpreter)) == []

    async def test_handles_live_on(self, interpreter: str) -> None:
        blocks = ['seen = camera("front")', "show(seen)", "show(seen); show(seen)", "1 / 0"]
        messages = [f"Action:\n{code}\nEnd Action" for code in blocks]
        trajectory = await play(*messages, interpreter=interpreter)
        assert [names(trajectory, turn) for turn in range(4)] == [[], ["front"], ["front"], []]

    async def test_forged_handles_are_refused(self, interpreter: str) -> None:
        attempts = "".join(
            f"try:\n    show({forged})\n    print('shown')\nexcept Exception as e:\n"
            "    print('refused')\n"
            for forged in FORGED
        )
        trajectory = await run(f"camera('wrist')\n{attempts}", interpreter)
        (turn,) = trajectory.turns
        assert turn.pictures == []
        assert turn.stdout.split() == ["refused"] * len(FORGED)

    async def test_shows_are_bounded(self, interpreter: str) -> None:
        code = 'for n in range(10_000):\n    show(camera("wrist" if n % 2 else "front"))'
        trajectory = await run(code, interpreter, action_limits={"calls": 50})
        assert len(trajectory.turns[0].pictures) == 2
        code = (
            "for n in range(40):\n    try:\n        show(camera('wrist'))\n"
            "    except RuntimeError as e:\n        print(e)"
        )
        assert names(await run(code, interpreter)) == ["wrist"]


class TestFullInterpreter:
    async def test_pixels_there_and_back(self) -> None:
        pytest.importorskip("numpy", reason="needs: pip install numpy")
        code = """
import numpy as np
seen = camera("wrist")
pixels = seen.to_array()
print(pixels.shape, pixels.dtype, pixels[0, 0].tolist())
print(np.asarray(seen).mean(), seen.to_pil().size)
turned = Image.from_array(pixels[:, :, ::-1], "turned")
print(colour(turned), turned)
show(turned)
show(Image.from_pil(seen.to_pil().resize((8, 8)), "small"))
show(Image.from_array(np.eye(4)))
"""
        trajectory = await run(code, "full")
        (turn,) = trajectory.turns
        assert turn.error is None
        assert turn.stdout.splitlines() == [
            "(64, 64, 3) uint8 [255, 0, 0]",
            "85.0 (64, 64)",
            "blue Image(id='image-2')",
        ]
        assert names(trajectory) == ["turned", "small", "picture"]

    async def test_auto_moves_where_pixels_are_wanted(self) -> None:
        trajectory = await run('print(camera("wrist").to_array().shape)', "auto")
        assert trajectory.turns[0].interpreter == "full"
        assert "(64, 64, 3)" in trajectory.turns[0].stdout

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("Image.from_array(np.zeros((3000, 3000, 3)) + np.random.rand(3000, 3000, 3))", ""),
            ("Image.from_array(np.zeros((100000, 100000), np.uint8))", ""),
            ("Image.from_array(np.zeros(3))", ""),
            ("Image('image-99').to_array()", "there is no picture 'image-99'"),
            ("Image([1]).to_pil()", "there is no picture"),
        ],
    )
    async def test_what_is_too_large_or_nothing_is_an_error(self, code: str, said: str) -> None:
        trajectory = await run(f"import numpy as np\n{code}", "full")
        (turn,) = trajectory.turns
        problem = turn.limit or (turn.error and turn.error.message) or ""
        assert problem
        assert said in problem

    async def test_the_host_believes_nothing(self) -> None:
        ask = "type(camera('wrist')).to_pil.__closure__[0].cell_contents"
        nothing = await run(f"{ask}('<new picture>', ('x', 'bm8='), {{}})", "full")
        assert nothing.turns[0].error is not None
        assert "this is no picture" in nothing.turns[0].error.message
        for lie in (
            "'<new picture>', (1,)",
            "'<data of a picture>', ()",
            "'<new picture>', (1, 2)",
        ):
            assert (await run(f"{ask}({lie}, {{}})", "full")).turns[0].limit is not None


class TestCalls:
    async def test_formats_of_calls_show_at_once(self) -> None:
        for action_format, said in {
            "json": '{"name": "camera", "arguments": {"name": "front"}}',
            "text": "camera, front",
        }.items():
            trajectory = await play(f"Action:\n{said}\nEnd Action", action=action_format)
            assert names(trajectory) == ["front"]
            assert "image-1" in trajectory.turns[0].observation

    async def test_tools_and_ids(self) -> None:
        def call(name: str, **arguments: Any) -> Reply:
            made = ToolCall(id=f"call{name:.5}", name=name, arguments=json.dumps(arguments))
            return Reply("", tool_calls=(made,))

        trajectory = await play(
            call("panorama"),
            call("colour", image="image-2"),
            call("show", image="image-2"),
            call("show", image="image-9"),
            action="tools",
        )
        assert [names(trajectory, n) for n in range(4)] == [["wrist", "front"], [], ["front"], []]
        assert trajectory.turns[1].tool_results[0].startswith("blue")
        assert "there is no" in trajectory.turns[3].observation or trajectory.turns[3].error


class TestRobots:
    def test_show_is_offered_by_robots_with_pictures_alone(self) -> None:
        assert list(Photographer.actions()) == ["camera", "panorama", "colour", "show"]
        assert list(Walker.actions()) == ["go"]
        assert "def show(image: Image)" in make_format("code", Photographer).describe_api()

    def test_a_show_of_its_own_stays(self) -> None:
        class Own(Photographer):
            @action
            def show(self, image: Image) -> str:
                """Show it on the robot's own screen."""
                return "shown"

        assert Own.actions()["show"].documentation == "Show it on the robot's own screen."
        with pytest.raises(TypeError, match="show is the action that shows pictures"):

            class Odd(Controller):
                show = 3

                @action
                def camera(self) -> Image:
                    """Take a picture."""
                    return picture("red")

    async def test_off_leaves_a_line(self) -> None:
        code = 'Action:\nshow(camera("wrist"))\nEnd Action'
        trajectory = await play(code, images="off")
        assert trajectory.pictures == []
        assert trajectory.turns[0].observation.endswith("[picture: wrist, not shown]")


def test_handles_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embodied.handle._MOST_OBJECTS", 3)
    handles = Handles()
    kept = [Handle() for _ in range(5)]
    assert [handles.id_of(each) for each in kept] == [f"handle-{n}" for n in range(1, 6)]
    assert handles.get("handle-1") is None
    assert handles.get("handle-5") is kept[4]
    assert handles.id_of(kept[0]) == "handle-6"
    images = Handles()
    first, second = picture("red"), picture("blue")
    monkeypatch.setattr("embodied.handle._MOST_BYTES", len(second.data))
    assert images.id_of(first) == "image-1"
    assert images.id_of(second) == "image-2"
    assert images.get("image-1") is None
