"""For the tests of plugins: checks of environments and controllers, a scripted LLM, a fixture.

Nothing here needs pytest: the checks are functions that raise an AssertionError.
"""

from __future__ import annotations

from embodied.testing.controller_checks import check_controller
from embodied.testing.corridor import Corridor, CorridorRobot
from embodied.testing.environment_checks import check_environment
from embodied.testing.failures import CheckFailed
from embodied.testing.scripted import ScriptedLLM

__all__ = [
    "CheckFailed",
    "Corridor",
    "CorridorRobot",
    "ScriptedLLM",
    "check_controller",
    "check_environment",
]
