"""When the goal of the sample robot is reached, and a policy that reaches it."""

from __future__ import annotations

from embodied.mcp_client.goal import ToolStep

GOAL_X = 0.5


def is_done(step: ToolStep) -> bool:
    """Bring the arm to x = 0.5, and close its gripper there."""
    pose = step.call("pose").data
    return bool(pose["closed"]) and abs(pose["x"] - GOAL_X) < 0.01


def plays(messages: object) -> str:
    """Do what a model would write."""
    return """The arm goes there and closes its gripper.

```python
print(move_to(0.5))
print(grip(True))
```"""
