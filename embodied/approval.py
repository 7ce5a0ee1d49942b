"""Calls that are held until somebody approves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

from embodied._util.jsonable import safe_repr
from embodied.trajectory import ApprovalRecord

_ARGUMENT_CHARACTERS = 400


@dataclass(frozen=True)
class PendingCall:
    """A call of a policy, with checked arguments, before anything of it is done."""

    name: str
    arguments: Mapping[str, Any]
    """By parameter name, defaults filled in."""
    confirm: bool
    """Whether the robot itself wants it approved: `@action(confirm=True)`."""

    def __str__(self) -> str:
        shown = (f"{k}={safe_repr(v, _ARGUMENT_CHARACTERS)}" for k, v in self.arguments.items())
        return f"{self.name}({', '.join(shown)})"


Approver: TypeAlias = Callable[[PendingCall], ApprovalRecord | Future[ApprovalRecord] | None]
"""Judges a call, now or later. None: the call needs no approval."""


class NotApprovedError(PermissionError):
    """A call was refused; the policy reads why."""


def refused(call: PendingCall, approval: ApprovalRecord) -> NotApprovedError:
    """Word a refusal for the policy."""
    return NotApprovedError(f"{call} was not approved{approval.reason and f': {approval.reason}'}")


NOBODY = ApprovalRecord(approved=False, by="nobody", reason="there is nobody to approve it")
"""What a call that needs approval gets where no approver is set."""
