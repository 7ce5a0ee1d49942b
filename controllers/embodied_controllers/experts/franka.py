"""An expert that solves robosuite's tasks by writing Python, from what it has read alone.

It knows the task text and what its own code printed. Each kind of task has a recipe of plans; a
recipe is tried again from its start until the goal is reached, which ends the episode.
"""

from __future__ import annotations

from collections.abc import Generator

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts.franka_recipes import RECIPES

MAX_ATTEMPTS = 3


def solve(task_text: str) -> Generator[ExpertStep, str, None]:
    """Yield plans until nothing is left to try.

    Args:
        task_text: the first observation of an episode.

    Raises:
        ValueError: at the first plan, if the goal is none that the expert knows.
    """
    goal = next((goal for goal in RECIPES if goal in task_text), None)
    if goal is None:
        raise ValueError("the expert does not know this goal")
    for plan in [*RECIPES[goal]] * MAX_ATTEMPTS:
        _printed = yield plan
