"""What is closed on leaving a `with` block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closeable(ABC):
    """Holds something, such as processes or files, until it is closed."""

    @abstractmethod
    def close(self) -> None:
        """Release it; calling this again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
