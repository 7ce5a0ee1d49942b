"""Runs with hand-made episodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from embodied.protocol import Protocol, RunProtocol
from embodied.store import RunStore, StoredEpisode
from embodied.task import Task
from embodied.trajectory import CallRecord, ErrorRecord, Message, Outcome, Trajectory, Turn

ERROR = ErrorRecord(type="ValueError", message="there is no mug 2", line=1)
PROMPT = (
    Message(role="system", content="You control a robot."),
    Message(role="user", content="Put a mug on the desk."),
)


def turn(kind: str, text: str = "", **fields: Any) -> Turn:
    """A turn that acts (`ok`), fails (`error`), hits a `limit`, cannot be read (`bad`), `answer`s,
    was `cut` short by the model's limit, or is `shortened` in its record.
    """
    message = text or f"{kind}()"
    base: dict[str, Any] = {"message": message, "observation": f"seen after {message}"}
    acts = {"action": message, "interpreter": "restricted", "calls": [call(message)]}
    kinds: dict[str, dict[str, Any]] = {
        "ok": acts,
        "error": {**acts, "error": ERROR},
        "limit": {**acts, "limit": "the action took longer than 30 s"},
        "bad": {"format_error": True},
        "answer": {"answer": "42"},
        "cut": {**acts, "finish_reason": "length"},
        "shortened": {**acts, "cut": True},
    }
    return Turn(**base | kinds[kind] | fields)


def call(text: str, **arguments: Any) -> CallRecord:
    return CallRecord(name="goto", arguments={"place": text, **arguments}, seconds=0.0)


def episode(
    task: str = "t",
    turns: Sequence[Turn | str] = ("ok", "ok", "ok"),
    *,
    outcome: Outcome = Outcome.SUCCESS,
    sample: int = 0,
    environment: str = "house",
    split: str = "train",
    kind: str = "put",
    group: str | None = "floor-1",
    prompt: Sequence[Message] = PROMPT,
    **fields: Any,
) -> Trajectory:
    """An episode; a turn may be given by its kind."""
    made = [each if isinstance(each, Turn) else turn(each) for each in turns]
    return Trajectory(
        episode_id=f"{task}#{sample}",
        task=Task(
            environment=environment, id=task, split=split, kind=kind, instruction="do", group=group
        ),
        sample=sample,
        policy="llm:tiny",
        outcome=outcome,
        error="the server is gone" if outcome is Outcome.INFRASTRUCTURE_ERROR else None,
        prompt=list(prompt),
        turns=made,
        **fields,
    )


def write_run(folder: Path, episodes: Iterable[Trajectory], **protocol: Any) -> Path:
    """A run of these episodes; settings are those of `Protocol`."""
    settings = RunProtocol(
        environment="house",
        policy={"name": "llm", "model": "tiny", "temperature": 1.0},
        split="train",
        protocol=Protocol.model_validate(protocol),
    )
    with RunStore.create(folder, settings, {}) as store:
        for each in episodes:
            store.append(StoredEpisode.of(each))
    return folder
