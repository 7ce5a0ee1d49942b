"""Pictures: what a camera took, what an action returns, what a policy is shown."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from embodied.environment import Attachment
from embodied.handle import Handle
from embodied.trajectory import PicturePart

if TYPE_CHECKING:
    import PIL.Image

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
"""The kinds of picture that models' servers take, by the names that Pillow has for them."""
MAX_BYTES = 8 * 1024 * 1024
"""Of one picture."""
MAX_PIXELS = 32_000_000
"""Of one picture. A small file may hold a picture too large for any memory."""


@dataclass(frozen=True, slots=True)
class Image(Attachment, Handle):
    """A picture: look at it with `show(image)`, or pass it on.

    `image.to_array()` gives its pixels, rows by columns by red, green and blue, and
    `Image.from_array(pixels)` makes a picture; `image.to_pil()` and `Image.from_pil(picture)` do so
    with Pillow.
    """

    # Models read this docstring above the robot's functions. Other data than that of a PNG, JPEG,
    # GIF or WebP of at most 8 MiB and 32 million pixels raises a ValueError.
    media_type: str = ""
    """As the data has it; what is given here makes no difference."""
    data: bytes = b""

    def __post_init__(self) -> None:
        with self._opened() as picture:
            object.__setattr__(self, "media_type", MEDIA_TYPES[str(picture.format)])

    @classmethod
    def from_attachment(cls, attachment: Attachment) -> Self:
        """Check that an attachment is a picture."""
        return cls(attachment.name, attachment.media_type, attachment.data)

    @classmethod
    def from_path(cls, path: str | Path, name: str | None = None) -> Self:
        """Read a file; without a name the picture has that of the file."""
        path = Path(path)
        with path.open("rb") as file:
            return cls(path.name if name is None else name, data=file.read(MAX_BYTES + 1))

    @classmethod
    def from_pil(cls, picture: PIL.Image.Image, name: str = "picture") -> Self:
        """Encode a picture of Pillow as PNG."""
        return cls(name, data=_encoded(picture, "PNG"))

    @classmethod
    def from_array(cls, pixels: Any, name: str = "picture") -> Self:
        """Encode an array as PNG: rows by columns, by 1, 3 (RGB) or 4 (RGBA) channels if any.

        Integers are brightnesses from 0 to 255, numbers with a fraction from 0 to 1.

        Raises:
            ValueError: it is no such array, or too large.
        """
        import numpy as np
        import PIL.Image

        array = np.asarray(pixels)
        if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)):
            raise ValueError(
                "a picture is an array of rows by columns, or by 1, 3 or 4 channels too, "
                f"not of the shape {array.shape}"
            )
        if not 0 < array.shape[0] * array.shape[1] <= MAX_PIXELS:
            raise ValueError(f"a picture has from 1 to {MAX_PIXELS:,} pixels, not {array.shape}")
        if array.dtype.kind not in "buif":
            raise ValueError(f"the pixels of a picture are numbers, not {array.dtype}")
        if array.dtype.kind in "bf":
            array = np.nan_to_num(array.astype(np.float32)).clip(0, 1) * 255 + 0.5
        array = array.clip(0, 255).astype(np.uint8)
        array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        return cls.from_pil(PIL.Image.fromarray(array), name)

    def to_pil(self) -> PIL.Image.Image:
        """Decode it for Pillow."""
        return self._opened()

    def to_array(self) -> Any:
        """Decode it to an array of bytes: rows by columns by red, green and blue."""
        import numpy as np

        return np.asarray(self._opened().convert("RGB"))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._opened().size

    def held_bytes(self) -> int:
        """Return how many bytes it has."""
        return len(self.data)

    def as_part(self, name: str | None = None) -> PicturePart:
        """Make the part of a message that shows it."""
        values = {
            "name": self.name if name is None else name,
            "media_type": self.media_type,
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "data": self.data,
        }
        return PicturePart.model_validate(values)

    def scaled(self, longest_side: int) -> Image:
        """Shrink it until no side has more pixels than this, in its own kind of file."""
        picture = self._opened()
        if max(picture.size) <= longest_side:
            return self
        kind = str(picture.format)
        if picture.mode not in ("L", "LA", "RGB", "RGBA"):
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        picture.thumbnail((longest_side, longest_side))
        return Image(self.name, data=_encoded(picture, kind))

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Image {self.name!r:.80}, {width}x{height}>"

    def _opened(self) -> PIL.Image.Image:
        """Decode the data, the whole of it: what is torn is found here, and not by a server."""
        import PIL.Image

        if len(self.data) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                picture = PIL.Image.open(io.BytesIO(self.data), formats=list(MEDIA_TYPES))
                if picture.width * picture.height > MAX_PIXELS:
                    raise ValueError(f"it has more than {MAX_PIXELS:,} pixels")
                picture.load()
        except (PIL.UnidentifiedImageError, PIL.Image.DecompressionBombError):
            raise ValueError("it is no PNG, JPEG, GIF or WebP, or too large") from None
        except (OSError, SyntaxError, EOFError, OverflowError, MemoryError, KeyError) as error:
            raise ValueError(f"it is damaged ({error})") from None
        return picture


def _encoded(picture: PIL.Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()
