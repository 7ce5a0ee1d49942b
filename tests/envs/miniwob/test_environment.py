"""Pages as text, commands as a user's doings, and the page's own verdict."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import embodied
from embodied import Environment, Observation
from embodied.simulated_llm import ServerProcess

Start = Callable[[str], Observation]


def _ref(text: str, line: str) -> str:
    return re.findall(rf"\[(\d+)\] {line}", text)[0]


def test_a_page_is_the_task_and_its_elements(start: Start) -> None:
    assert start("click-checkboxes/seed-0").text == (
        "Task: Select HF2 and click Submit.\nPage:\n[3] div#boxes\n"
        '  [1] checkbox "AU" unchecked\n  [2] checkbox "HF2" unchecked\n[4] button "Submit"'
    )


def test_the_page_judges(env: Environment, start: Start) -> None:
    text = start("click-checkboxes/seed-0").text
    ticked = env.step("click " + _ref(text, 'checkbox "HF2"'))
    assert '"HF2" checked' in ticked.observation.text
    assert (ticked.reward, ticked.terminated, ticked.success) == (0.0, False, False)
    right = env.step("click " + _ref(text, 'button "Submit"'))
    assert (right.reward, right.terminated, right.success) == (1.0, True, True)
    assert env.step("see") is right

    text = start("click-test-2/seed-0").text
    wrong = env.step("click " + _ref(text, 'button "TWO"'))
    assert (wrong.reward, wrong.terminated, wrong.success) == (-1.0, True, False)
    assert wrong.observation.text == "The task is over: failed, reward -1."


def test_waiting_takes_as_long_as_it_says(env: Environment, start: Start) -> None:
    start("click-test-2/seed-0")
    clock = "Math.round(performance.now())"
    browser = env._browser  # type: ignore[attr-defined]
    for seconds, passed in (("0", 0), ("0.1", 100), ("2", 2000)):
        before = browser._value(clock)
        env.step(f"wait {seconds}")
        assert browser._value(clock) - before == passed


def test_a_part_of_the_reward_is_no_success(env: Environment, start: Start) -> None:
    text = start("click-checkboxes/seed-3").text
    boxes = re.findall(r'\[(\d+)\] checkbox "(\w+)"', text)
    wanted = text.split("\n")[0].removeprefix("Task: Select ").split(" and click")[0].split(", ")
    for ref in [ref for ref, name in boxes if name in wanted][1:]:
        env.step(f"click {ref}")
    result = env.step("click " + _ref(text, 'button "Submit"'))
    assert 0 < result.reward < 1
    assert (result.terminated, result.success) == (True, False)


@pytest.mark.parametrize("kind", ["email-inbox", "click-dialog-2", "choose-date", "social-media"])
def test_the_same_seed_gives_the_same_episode(env: Environment, start: Start, kind: str) -> None:
    def play() -> list[str]:
        texts = [start(f"{kind}/seed-3").text]
        refs = re.findall(r"\[(\d+)\] (?!div)", texts[0])[:4]
        return texts + [env.step(f"hover {ref}").observation.text for ref in refs]

    first = play()
    start("click-menu/seed-1")
    env.step("hover 4")
    assert play() == first
    assert start(f"{kind}/seed-4").text != first[0]


def test_another_seed_overrides_the_one_of_the_task(env: Environment, start: Start) -> None:
    tasks = {task.id: task for task in embodied.list_tasks("miniwob")}
    other = start("email-inbox/seed-1").text
    assert env.reset(tasks["email-inbox/seed-0"], seed=1).text == other
    assert env.reset(tasks["email-inbox/seed-0"]).text != other


def test_no_time_passes_between_commands(env: Environment, start: Start) -> None:
    start("button-delay/seed-0")
    before = env.step("see").observation.text
    time.sleep(0.3)
    assert env.step("see").observation.text == before
    start("click-button/seed-0")
    for _ in range(3):
        assert not env.step("wait 10").terminated, "the page's own deadline does not count"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("click 99", r"there is no element \[99\]"),
        ("jump", "there is no such command; the commands are: click {ref}"),
        ("press Entre", "there is no key 'Entre'"),
        ('select 2 "x"', r"\[2\] is no select; click it instead"),
        ('type 1 "31/12/2020"', "takes a date such as 2020-12-31"),
        ("click at 900 20", "900,20 is not on the screen"),
        ('type 1 "\\ue009"', "printable"),
    ],
)
def test_a_mistake_is_answered_and_nothing_is_done(
    env: Environment, start: Start, command: str, says: str
) -> None:
    page = start("enter-date/seed-0").text
    result = env.step(command)
    note, _, rest = result.observation.text.partition("\n")
    assert re.search(f"^Nothing was done: .*{says}", note)
    assert rest.replace(" focused", "") == page
    assert not result.terminated


def test_keys_fields_and_lists(env: Environment, start: Start) -> None:
    start("enter-text/seed-0")
    assert 'value="Ägir 😀"' in env.step('type 1 "Ägir 😀"').observation.text
    assert 'value="new"' in env.step('type 1 "new"').observation.text
    assert 'value="ne"' in env.step("press Backspace").observation.text
    assert 'value="Ne"' not in env.step("press Control+a").observation.text
    assert 'value=""' in env.step("press Delete").observation.text
    start("click-scroll-list/seed-0")
    env.step('select 1 "Corrine"')
    listed = env.step('select 1 "Catherine"').observation.text
    assert 'selected="Catherine","Corrine"' in listed


def test_things_can_be_dragged(env: Environment, start: Start) -> None:
    text = start("drag-box/seed-0").text
    small, large = _ref(text, "div#draggableSmall"), _ref(text, "div#draggableLarge")
    env.step(f"drag {small} to {large}")
    assert env.step("click " + _ref(text, 'button "Submit"')).success


def test_a_page_reaches_no_network(env: Environment, start: Start) -> None:
    asked = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start("click-button/seed-0")
        url = f"http://127.0.0.1:{server.server_port}/"
        script = f"fetch({url!r}, {{mode: 'no-cors'}}).then(() => 'reached', () => 'failed')"
        assert env._browser._value(script) == "failed"  # type: ignore[attr-defined]
        server.shutdown()
    assert asked == []


def test_screenshots_are_attached_where_they_are_asked_for() -> None:
    env = embodied.make_environment("miniwob", screenshots=True)
    task = embodied.list_tasks("miniwob")[0]
    (picture,) = env.reset(task).attachments
    assert (picture.media_type, picture.data[:4]) == ("image/png", b"\x89PNG")
    assert env.step("see").observation.attachments
    env.close()
    env.close()
    assert env.reset(task).attachments
    env.close()


def test_a_model_is_shown_the_page(tmp_path: Path) -> None:
    answer = 'seeing:<execute>\nsee()\nprint("{colour}")\n</execute>'
    with ServerProcess("--answers", answer) as server:
        run = embodied.run(
            env="miniwob",
            environment={"options": {"screenshots": True}},
            policy="llm",
            llm={"model": "simulated", "base_url": server.base_url},
            tasks={"limit": 1},
            protocol={"limits": {"turns": 2}},
            runner={"kind": "local"},
            out=tmp_path / "run",
            progress=False,
        )
    (trajectory,) = run.trajectories()
    assert [part.name for part in trajectory.pictures] == ["page.png"] * 3
    assert [turn.stdout.split()[-1] for turn in trajectory.turns] == ["white"] * 2
    assert run.picture(trajectory.pictures[0]).startswith(b"\x89PNG")
