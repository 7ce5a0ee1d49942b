"""Which request meets which fault: by chance, but the same in every run with the same seed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from embodied.errors import ConfigError

FaultName = Literal[
    "429",
    "500",
    "503",
    "reset",
    "stall",
    "drip",
    "truncated",
    "empty",
    "endless",
    "wrong-model",
    "other-model",
    "restart",
]
"""
- `429`, `503`: the status, with `Retry-After` of so many seconds; `500`: the status
- `reset`: the connection is reset, before the answer or in the middle of it
- `stall`: nothing for so many seconds, then the answer
- `drip`: the answer, a byte at a time, with so many seconds between them
- `truncated`: the first half of the answer, as if it were all
- `empty`: no body, no choices or no content
- `endless`: an answer that never ends
- `wrong-model`: HTTP 404, as if the model were not served
- `other-model`: the answer, under another model's name
- `restart`: all connections are reset, none is taken for so many seconds, and the prefix cache is
  lost
"""

_SECONDS: dict[str, float] = {"429": 1.0, "503": 1.0, "stall": 600.0, "drip": 1.0, "restart": 5.0}
_REMEMBERED = 100_000


class Fault(BaseModel):
    """One kind of fault and how often it happens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: FaultName
    rate: float = Field(ge=0, le=1)
    """Share of the requests that meet it."""
    seconds: float | None = Field(None, ge=0)
    """How long it takes, in real seconds; None: the fault's own default."""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault as the command line gives it: `NAME=RATE` or `NAME=RATE:SECONDS`.

        Raises:
            ConfigError: it is not of this form.
        """
        name, _, numbers = text.partition("=")
        rate, separator, seconds = numbers.partition(":")
        if name not in get_args(FaultName):
            known = ", ".join(get_args(FaultName))
            raise ConfigError(f"there is no fault {name!r}; there are: {known}")
        if separator and name not in _SECONDS:
            raise ConfigError(f"--fault {text}: {name} takes no seconds; write {name}={rate}")
        try:
            given = float(seconds) if separator else None
            return cls.model_validate({"name": name, "rate": float(rate), "seconds": given})
        except ValueError:
            raise ConfigError(
                f"--fault {text!r} must be NAME=RATE or NAME=RATE:SECONDS, with a rate from 0 to 1"
            ) from None

    @property
    def duration(self) -> float:
        """How long it takes, in seconds; 0 for faults that take no time."""
        return _SECONDS.get(self.name, 0.0) if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Drawn:
    """A fault that a request meets."""

    fault: Fault
    variant: int
    """A random number from 0 to 65,535, for faults that have several forms."""


class Faults:
    """Draws a fault for each request: at most one, by a hash of seed, content and attempt.

    So a run with the same seed meets the same faults whatever the order of its requests, and a
    request that is sent again draws again. Requests with equal content count as attempts of one.

    Args:
        faults: kinds and rates; the rates together are at most 1.
        seed: another seed, other requests.

    Raises:
        ConfigError: a fault is named twice, or the rates exceed 1.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        names = Counter(fault.name for fault in faults)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ConfigError(f"the fault {twice[0]!r} is given twice")
        if sum(fault.rate for fault in faults) > 1 + 1e-9:
            raise ConfigError("the rates of the faults together must not exceed 1")
        self.injected: Counter[str] = Counter()
        """How often each fault was drawn since the last reset."""
        self._faults = tuple(faults)
        self._seed = seed
        self._attempts: OrderedDict[bytes, int] = OrderedDict()

    def draw(self, content: bytes) -> Drawn | None:
        """The fault that a request meets; None: it meets none."""
        if not self._faults:
            return None
        content_hash = blake2b(content, digest_size=16).digest()
        origin = f"{self._seed} {self._attempt(content_hash)} ".encode()
        digest = blake2b(origin + content_hash, digest_size=8).digest()
        place = int.from_bytes(digest[:6], "big") / 2**48
        for fault in self._faults:
            place -= fault.rate
            if place < 0:
                self.injected[fault.name] += 1
                return Drawn(fault, int.from_bytes(digest[6:], "big"))
        return None

    def _attempt(self, content_hash: bytes) -> int:
        attempt = self._attempts.pop(content_hash, 0)
        self._attempts[content_hash] = attempt + 1
        if len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        return attempt
