"""Answers that depend on a picture: they show whether it reached the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from embodied.image import Image
from embodied.policy import Reply
from embodied.simulated_llm.chat_schema import APIError, ChatRequest

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
"""The colours that are told apart, by red, green and blue."""


class SeeingAnswers:
    """Names the colour that the last picture has in the mean; without a picture, it guesses.

    Args:
        text: what is said, with `{colour}` where the name stands; or makes the reply of the name.
    """

    def __init__(self, text: str | Callable[[str], Reply]) -> None:
        self._reply = text if callable(text) else _Filled(text)

    def answer(self, request: ChatRequest) -> Reply:
        """Look at the last picture of the conversation.

        Raises:
            APIError: it is no picture that can be read.
        """
        pictures = [picture for message in request.messages for picture in message.pictures]
        return self._reply(_seen(pictures[-1]) if pictures else _guessed(request.prompt))


class _Filled:
    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, colour: str) -> Reply:
        return Reply(self._text.replace("{colour}", colour))


def _seen(data: bytes) -> str:
    try:
        pixels = Image("picture", data=data).to_array().reshape(-1, 3)
    except ValueError as error:
        raise APIError(f"cannot identify image file: {error}") from None
    red, green, blue = (int(value) for value in pixels.mean(axis=0))

    def distance(name: str) -> int:
        r, g, b = COLOURS[name]
        return (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2

    return min(COLOURS, key=distance)


def _guessed(prompt: str) -> str:
    digest = hashlib.sha256(prompt.encode()).digest()
    return list(COLOURS)[digest[0] % len(COLOURS)]
