"""Compares replayed episodes with their recordings: is the simulator, the interpreter, the wording
what it was?
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import zip_longest

from pydantic import BaseModel

from embodied.replay.recordings import RecordedTurn, Recording
from embodied.trajectory import Outcome, Trajectory, Turn

_FRAME = re.compile(r"\AObservation:\n(.*)\nYou have \d+ steps left and .*\Z", re.DOTALL)
_TRACEBACK = re.compile(
    r"-{70,}\n(?P<runtime>\w+) +Traceback \(most recent call last\)"
    r"|^ *(?:Cell In\[\d+\]|File <\w+>).*?^(?P<syntax>\w+): ",
    re.DOTALL | re.MULTILINE,
)
_OUT_NUMBER = re.compile(r"Out\[\d+\]: ")


class ParityReport(BaseModel):
    """How replayed episodes agree with what was recorded."""

    episodes: int = 0
    prompt_mismatches: int = 0
    """Episodes whose task reads differently."""
    observations: int = 0
    """Recorded observations that were compared, error turns among them."""
    observation_mismatches: int = 0
    """Different text; in an error turn, different text before the traceback."""
    out_numbers: int = 0
    """Observations, no mismatches, that differ in nothing but the `n` of `Out[n]` before an echoed
    value: it counts what a recorder ran before the episode, too."""
    error_turns: int = 0
    """Observations with a recorded traceback."""
    error_type_mismatches: int = 0
    """Error turns that raised another type of exception, or none."""
    verdict_mismatches: int = 0
    """Episodes whose recorded success is not `goal reached or all environment steps used`."""
    recorded_successes: int = 0
    true_successes: int = 0
    """Episodes that reached the goal by the simulator's own test."""
    infrastructure_errors: int = 0
    skipped: int = 0
    """Episodes compared only up to a code action that imports what the interpreter has not."""
    mismatches: list[str] = []
    """Where, for the first ones."""

    def add(self, trajectory: Trajectory, recording: Recording, steps: int | None) -> None:
        """Compare one episode; `steps`: the protocol's limit of environment steps."""
        self.episodes += 1
        if trajectory.outcome is Outcome.INFRASTRUCTURE_ERROR:
            self.infrastructure_errors += 1
            return
        where = f"{recording.policy} {recording.task_id}"
        if not trajectory.prompt[-1].text.rstrip().endswith(recording.prompt.rstrip()):
            self.prompt_mismatches += 1
            self._note(f"{where}: prompt")
        if self._turns(where, trajectory.turns, recording.turns):
            self._verdict(where, trajectory, recording, steps)

    def _turns(self, where: str, turns: list[Turn], recorded_turns: list[RecordedTurn]) -> bool:
        """Compare turn by turn; False: the rest was skipped."""
        for number, (turn, kept) in enumerate(zip_longest(turns, recorded_turns), start=1):
            recorded = kept.observation if kept else None
            lacks_module = _error_type(turn) == "ModuleNotFoundError"
            if lacks_module and "ModuleNotFoundError" not in (recorded or ""):
                self.skipped += 1
                return False
            if recorded is not None:
                self._observation(f"{where}, turn {number}", turn, recorded)
        return True

    def _observation(self, where: str, turn: Turn | None, recorded: str) -> None:
        self.observations += 1
        framed = _FRAME.match(recorded)
        body = framed.group(1) if framed else recorded
        error = _TRACEBACK.search(body)
        if error is None:
            self._text(where, turn, recorded)
            return
        self.error_turns += 1
        before = body[: error.start()].strip()
        if turn is None or turn.stdout.strip() != before:
            self.observation_mismatches += 1
            self._note(f"{where}: output before the error")
        kind = error.group("runtime") or error.group("syntax")
        if (raised := _error_type(turn)) != kind:
            self.error_type_mismatches += 1
            self._note(f"{where}: {raised or 'no error'} where {kind} was recorded")

    def _text(self, where: str, turn: Turn | None, recorded: str) -> None:
        observed = None if turn is None else turn.observation
        if observed == recorded:
            return
        if observed is not None and _unnumbered(observed) == _unnumbered(recorded):
            self.out_numbers += 1
            return
        self.observation_mismatches += 1
        self._note(f"{where}: observation")

    def _verdict(
        self, where: str, trajectory: Trajectory, recording: Recording, steps: int | None
    ) -> None:
        reached = trajectory.outcome is Outcome.SUCCESS
        used_up = steps is not None and len(trajectory.steps) >= steps
        self.recorded_successes += recording.success
        self.true_successes += reached
        if recording.success != (reached or used_up):
            self.verdict_mismatches += 1
            self._note(f"{where}: verdict")

    def _note(self, text: str) -> None:
        if len(self.mismatches) < 20:
            self.mismatches.append(text)


def check_parity(
    trajectories: Iterable[Trajectory],
    recordings: Mapping[tuple[str, int], Recording],
    steps: int | None,
) -> ParityReport:
    """Compare episodes with the recordings that they replayed, by task id and sample."""
    parity = ParityReport()
    for trajectory in trajectories:
        recording = recordings[trajectory.task.id, trajectory.sample]
        parity.add(trajectory, recording, steps)
    return parity


def _unnumbered(observation: str) -> str:
    return _OUT_NUMBER.sub("Out: ", observation)


def _error_type(turn: Turn | None) -> str | None:
    return turn.error.type if turn and turn.error else None
