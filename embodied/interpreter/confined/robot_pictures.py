"""Pictures of the robot, as code holds them: handles, with ways to their pixels and back."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

from . import frames

Ask = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]
"""Calls the host."""


def picture_class(handle: Any, ask: Ask) -> Any:
    """Make the class of pictures.

    Args:
        handle: a named tuple with the field `id`.
        ask: calls the host.
    """

    def to_pil(self: Any) -> Any:
        """Decode the picture for Pillow."""
        import PIL.Image

        picture = PIL.Image.open(io.BytesIO(base64.b64decode(ask(frames.PICTURE_DATA, self, {}))))
        picture.load()
        return picture

    def to_array(self: Any) -> Any:
        """Decode the picture: rows by columns by red, green and blue."""
        import numpy as np

        return np.asarray(self.to_pil().convert("RGB"))

    def as_numpy(self: Any, dtype: Any = None, copy: Any = None) -> Any:
        return self.to_array() if dtype is None else self.to_array().astype(dtype)

    def from_pil(cls: Any, picture: Any, name: str = "picture") -> Any:
        """Make a picture that can be shown, of one of Pillow's."""
        data = io.BytesIO()
        picture.save(data, "PNG")
        sent = (str(name), base64.b64encode(data.getvalue()).decode())
        return cls(ask(frames.NEW_PICTURE, sent, {}))

    def from_array(cls: Any, pixels: Any, name: str = "picture") -> Any:
        """Make a picture that can be shown, of rows by columns, by 1, 3 or 4 channels if any;
        integers are brightnesses from 0 to 255, numbers with a fraction from 0 to 1.
        """
        import numpy as np
        import PIL.Image

        array = np.asarray(pixels)
        if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)):
            raise ValueError(
                "a picture is an array of rows by columns, or by 1, 3 or 4 channels too, "
                f"not of the shape {array.shape}"
            )
        if array.dtype.kind in "bf":
            array = np.nan_to_num(array.astype(np.float32)).clip(0, 1) * 255 + 0.5
        array = array.clip(0, 255).astype(np.uint8)
        array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        return cls.from_pil(PIL.Image.fromarray(array), name)

    members = {
        "__slots__": (),
        "__module__": "__main__",
        "__array__": as_numpy,
        "to_pil": to_pil,
        "to_array": to_array,
        "from_pil": classmethod(from_pil),
        "from_array": classmethod(from_array),
    }
    return type(handle.__name__, (handle,), members)
