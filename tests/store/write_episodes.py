"""Writes a run until it is killed: `python write_episodes.py FOLDER NUMBER_OF_EPISODES`.

Prints the id of each episode as soon as it is stored.
"""

import random
import sys

from embodied.protocol import Protocol, RunProtocol
from embodied.store import RunStore, StoredEpisode
from embodied.task import Task
from embodied.trajectory import Outcome, Trajectory


def write(folder: str, episodes: int) -> None:
    """Store the episodes that are missing; their lengths vary from half a kilobyte to 200 KB."""
    protocol = RunProtocol(environment="e", policy={"name": "test"}, protocol=Protocol())
    with RunStore.create(folder, protocol, {}) as store:
        print("open", flush=True)
        finished = store.finished()
        for number in range(episodes):
            if f"t{number}#0" in finished:
                continue
            store.append(StoredEpisode.of(_episode(number)))
            print(f"t{number}#0", flush=True)


def _episode(number: int) -> Trajectory:
    length = int(200_000 * random.Random(number).random() ** 4)
    return Trajectory(
        episode_id=f"t{number}#0",
        task=Task(environment="e", id=f"t{number}", split="s", kind="k", instruction="do"),
        policy="test",
        outcome=Outcome.SUCCESS,
        first_observation="x" * length,
    )


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
