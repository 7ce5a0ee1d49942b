"""Pictures that a robot of ours returns reach the clients of its MCP server."""

from __future__ import annotations

from embodied.mcp_server.robot import HostedRobot
from embodied.testing import Corridor
from tests.pictures.lamp import Lamp, picture
from tests.pictures.test_pictures_in_plans import Photographer


def hosted(environment: type[Lamp] | type[Corridor], robot: type) -> HostedRobot:
    tasks = {task.id: task for task in environment.list_tasks()}
    return HostedRobot(lambda: robot(environment()), tasks, next(iter(tasks)), 5, 0)


def test_what_actions_return_and_steps_attach_is_in_the_result() -> None:
    with hosted(Corridor, Photographer) as robot:
        answer = robot.call("panorama", {})
        assert [image.name for image in answer.attachments] == ["wrist", "front"]
        assert answer.attachments[0].data == picture("red").data
        assert answer.result == ["image-1", "image-2"]
        assert robot.call("colour", {"image": "image-2"}).text == "blue"
        assert robot.call("colour", {"image": "image-2"}).attachments == ()
        assert robot.call("show", {"image": "image-9"}).refused
    with hosted(Lamp, Lamp.Buttons) as robot:
        assert [image.name for image in robot.start().attachments] == ["front"]
        assert [image.name for image in robot.call("look", {}).attachments] == ["front"]
