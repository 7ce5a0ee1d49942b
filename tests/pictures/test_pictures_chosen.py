"""Which pictures a policy is shown, and what stands in the place of the others."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from embodied import Attachment, Image, Message, Protocol
from embodied.prompting.history import ConversationHistory
from embodied.prompting.pictures import MOST, PictureChooser
from embodied.protocol import History, Images
from embodied.trajectory import Turn
from tests.pictures.lamp import picture


def chosen(*attachments: Attachment, most_bytes: int = 10_000_000, **settings: Any) -> Any:
    return PictureChooser(Images(**settings), most_bytes).choose(attachments)


def turn(number: int, pictures: int = 1) -> Turn:
    """A turn with pictures that no other turn has."""
    attached = [picture("red", f"p{number}.{n}", side=8 + number) for n in range(pictures)]
    return Turn(message=f"m{number}", observation=f"o{number}", pictures=chosen(*attached)[1])


@pytest.mark.parametrize(
    ("given", "shown"),
    [("off", False), (False, False), ("OFF", False), ("on", True), (True, True), ({}, True)],
)
def test_images_are_switched_by_a_word(given: Any, shown: bool) -> None:
    assert Protocol.model_validate({"images": given}).images == Images(shown=shown)


@pytest.mark.parametrize(
    "given",
    [{"keep": 0}, {"keep": -1}, {"longest_side": 0}, {"shown": False, "keep": 2}, "some", {"k": 1}],
)
def test_settings_that_mean_nothing_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        Protocol.model_validate({"images": given})


class TestChoice:
    def test_a_line_stands_for_what_cannot_be_shown(self) -> None:
        lines, pictures = chosen(
            picture("red", "front"),
            Attachment("torn", "image/png", picture("red").data[:50]),
            Attachment("vector", "image/svg+xml", b"<svg/>"),
            Attachment("log.txt", "text/plain", b"x"),
            Attachment("a]\n[b", "image/png", b""),
        )
        assert [part.name for part in pictures] == ["front"]
        assert lines[0].startswith("[picture: torn, not shown: it is damaged")
        assert lines[1].startswith("[picture: vector, not shown: it is no PNG")
        assert lines[2] == "[file: log.txt]"
        assert lines[3].startswith("[picture: a b, not shown: ")

    def test_off_leaves_a_line(self) -> None:
        assert chosen(picture("red", "front"), shown=False) == (["[picture: front, not shown]"], [])

    def test_no_more_than_a_few_are_shown_at_a_time(self) -> None:
        lines, pictures = chosen(*(picture("red", str(n)) for n in range(MOST + 2)))
        assert len(pictures) == MOST
        assert len(lines) == 2
        assert len(chosen(*[Attachment("x", "a/b", b"")] * 10_000)[0]) < 100

    def test_the_pictures_of_an_episode_are_bounded(self) -> None:
        red, blue = picture("red"), picture("blue")
        lines, pictures = chosen(red, red, blue, red, most_bytes=len(red.data))
        assert len(pictures) == 3
        assert lines == [
            "[picture: front, not shown: the pictures of the episode have become too large]"
        ]

    def test_the_kind_is_that_of_the_data(self) -> None:
        _, (part,) = chosen(Attachment("x", "image/webp", picture("red").data))
        assert part.media_type == "image/png"

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
    def test_large_ones_are_shrunk(self, kind: str) -> None:
        import io

        file = io.BytesIO()
        picture("blue", side=90).to_pil().save(file, kind)
        _, (part,) = chosen(Attachment("x", "image/*", file.getvalue()), longest_side=30)
        assert part.media_type == f"image/{kind.lower()}"
        assert part.data is not None
        small = Image("x", data=part.data)
        assert small.size == (30, 30)
        assert np.abs(small.to_array().mean(axis=(0, 1)) - [0, 0, 255]).max() < 8

    def test_small_ones_stay_as_they_are(self) -> None:
        red = picture("red", side=20)
        assert chosen(red, longest_side=20)[1][0].data == red.data


class TestHistory:
    def grown(self, keep: int | None, turns: int, each: int = 1) -> list[list[Message]]:
        """What is shown before each turn."""
        first = Message(role="user", content="task").with_parts(turn(0).pictures)
        history = ConversationHistory([first], History(), keep)
        shown = [history.shown()]
        for number in range(1, turns):
            history.add(turn(number, each))
            shown.append(history.shown())
        return shown

    def test_all_stay_where_nothing_is_said(self) -> None:
        for before, after in itertools.pairwise(self.grown(None, 9)):
            assert after[: len(before)] == before

    @pytest.mark.parametrize(("keep", "each"), [(1, 1), (2, 1), (3, 1), (2, 2), (2, 5), (5, 2)])
    def test_the_last_ones_stay_and_prompts_change_rarely(self, keep: int, each: int) -> None:
        all_shown, changes = self.grown(keep, 20, each), 0
        for before, after in itertools.pairwise(all_shown):
            changes += after[: len(before)] != before
        for count, shown in enumerate(all_shown):
            names = [part.name for message in shown for part in message.pictures]
            everything = ["p0.0", *(f"p{t}.{n}" for t in range(1, count + 1) for n in range(each))]
            assert min(keep, len(everything)) <= len(names) < 2 * keep
            assert names == everything[-len(names) :]
            text = "\n".join(message.text for message in shown)
            lost = everything[: -len(names)]
            assert text.count("not shown]") == len(lost)
            assert all(f"[picture: {name}, not shown]" in text for name in lost)
        assert changes <= 20 * each / keep

    def test_a_message_without_pictures_left_is_a_text(self) -> None:
        assert self.grown(1, 2)[-1][0].content == "task\n[picture: p0.0, not shown]"

    def test_pictures_of_function_calls_come_in_a_message_of_their_own(self) -> None:
        from embodied.trajectory import ToolCall

        call = ToolCall(id="a", name="look", arguments="{}")
        native = turn(1).model_copy(update={"tool_calls": [call], "tool_results": ["o1"]})
        assert [m.role for m in native.messages] == ["assistant", "tool", "user"]
        assert native.messages[1].content == "o1"
        assert native.messages[2].text == "[picture: p1.0]"
