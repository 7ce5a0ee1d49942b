"""The pictures of an episode: which of them a policy is shown, and what stands for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from embodied.environment import Attachment
from embodied.image import Image
from embodied.protocol import Images
from embodied.trajectory import Message, PicturePart, TextPart, join_parts, not_shown

MOST = 16
"""Pictures that are shown at a time, with the first observation or after a turn."""
EPISODE_BYTES = 256 * 1024 * 1024
"""Of the pictures that an episode shows."""
_NAME_CHARACTERS = 80
_LINES = 64


class PictureChooser:
    """Chooses what a policy is shown of what the observations of one episode have attached.

    Args:
        settings: those of the protocol.
        most_bytes: of all pictures of the episode together.
    """

    def __init__(self, settings: Images, most_bytes: int = EPISODE_BYTES) -> None:
        self._settings = settings
        self._left = most_bytes
        self._known: set[str] = set()
        """Hashes of the pictures so far: one that comes again takes no more room."""

    def choose(self, attachments: Iterable[Attachment]) -> tuple[list[str], list[PicturePart]]:
        """Return lines that name what is not shown, and the pictures that are."""
        lines: list[str] = []
        pictures: list[PicturePart] = []
        attached = list(attachments)
        for number, attachment in enumerate(attached):
            name = _on_one_line(attachment.name)
            if not attachment.media_type.startswith("image/"):
                lines.append(f"[file: {name}]")
            elif not self._settings.shown:
                lines.append(not_shown(name))
            elif len(attached) - number > MOST:
                lines.append(not_shown(name, f"only the last {MOST} are"))
            else:
                try:
                    pictures.append(self._picture(name, attachment))
                except ValueError as error:
                    lines.append(not_shown(name, str(error)))
        return lines[:_LINES], pictures

    def _picture(self, name: str, attachment: Attachment) -> PicturePart:
        """Read a picture; raise ValueError where it is none, or has no room in the record."""
        image = attachment if isinstance(attachment, Image) else Image.from_attachment(attachment)
        if self._settings.longest_side is not None:
            image = image.scaled(self._settings.longest_side)
        part = image.as_part(name)
        if part.sha256 not in self._known:
            if len(image.data) > self._left:
                raise ValueError("the pictures of the episode have become too large")
            self._left -= len(image.data)
            self._known.add(part.sha256)
        return part


def drop_oldest(messages: Sequence[Message], count: int) -> list[Message]:
    """Put a line in the place of each of the first `count` pictures of a conversation."""
    left = count
    changed = []
    for message in messages:
        dropped = min(left, len(message.pictures))
        left -= dropped
        parts = join_parts(_without_first(message, dropped))
        changed.append(message.model_copy(update={"content": parts}) if dropped else message)
    return changed


def _without_first(message: Message, count: int) -> Iterator[TextPart | PicturePart]:
    for part in message.parts:
        if isinstance(part, PicturePart) and count:
            count -= 1
            yield part.absent
        else:
            yield part


def _on_one_line(name: str) -> str:
    """Make a name fit to stand in a line between brackets."""
    name = "".join(c if c.isprintable() and c not in "[]" else " " for c in name)
    return " ".join(name[:_NAME_CHARACTERS].split()) or "picture"
