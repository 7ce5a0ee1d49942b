"""Samples which request meets which fault: the same in every run with the same seed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict, Field, field_validator

from embodied.errors import ConfigError
from embodied.simulated_llm.fault_handlers import FAULT_KINDS

_REMEMBERED = 100_000


class Fault(BaseModel):
    """A kind of fault, and how often it happens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    rate: float = Field(ge=0, le=1)
    """Share of the requests that meet it."""
    seconds: float | None = Field(None, ge=0)
    """How long it takes, in real seconds; None: the default of its kind."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in FAULT_KINDS:
            raise ValueError("there is no such fault")
        return name

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Parse `NAME=RATE` or `NAME=RATE:SECONDS`, as the command line takes it.

        Raises:
            ConfigError: the text is not of this form, or there is no such fault.
        """
        name, _, numbers = text.partition("=")
        rate, separator, seconds = numbers.partition(":")
        if name not in FAULT_KINDS:
            raise ConfigError(f"there is no fault {name!r}; there are: {', '.join(FAULT_KINDS)}")
        if separator and FAULT_KINDS[name].default_seconds is None:
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
        return (
            FAULT_KINDS[self.name].default_seconds or 0.0 if self.seconds is None else self.seconds
        )


class FaultSampler:
    """Samples at most one fault for each request, by a hash of seed, content and attempt.

    So a run with the same seed meets the same faults whatever the order of its requests, and a
    request sent again is sampled again. Requests with equal content count as attempts of one.

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
        """How often each fault was sampled since the last reset."""
        self._faults = tuple(faults)
        self._seed = seed
        self._attempts: OrderedDict[bytes, int] = OrderedDict()

    def sample(self, content: bytes) -> tuple[Fault, int] | None:
        """Sample the fault that a request meets, with a random number from 0 to 65,535, for faults
        that have several forms; None: it meets none.
        """
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
                return fault, int.from_bytes(digest[6:], "big")
        return None

    def _attempt(self, content_hash: bytes) -> int:
        attempt = self._attempts.pop(content_hash, 0)
        self._attempts[content_hash] = attempt + 1
        if len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        return attempt
