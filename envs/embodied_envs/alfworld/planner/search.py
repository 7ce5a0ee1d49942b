"""Shortest plans for ALFWorld games, from the goal that the game's PDDL problem states.

A plan is shortest in commands sent to the game. The search is A* over a reduced copy of the game;
it is exact for three reasons.

The actions are those of ALFWorld's domain (``alfred.pddl``), and the reductions keep a shortest
plan:

* The goal is grounded to clauses of facts that must become true together. A plan reaches the goal
  where it makes one clause true, so the clauses are searched side by side in one queue.
* In a shortest plan for one clause, only the objects in that clause, an object already held and
  (where something must be sliced) knives are ever moved: every action on another object can be
  deleted, and what remains is still a plan, for a goal without negation and a hand that only gets
  emptier.
* Going anywhere costs one command from everywhere, so a plan never loses by going only where it
  does something next. Opening a receptacle serves only to take from it or put into it, so it may
  wait until just before that. Nothing needs a closed receptacle, so none is closed. So one edge of
  the search is a macro action: an action with the going and opening that it needs. It costs one to
  three commands.

The estimate of the remaining cost never exceeds it; see `heuristic`.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from itertools import count
from typing import NamedTuple

from embodied_envs.alfworld.pddl.grounding import ground
from embodied_envs.alfworld.pddl.problem import Fact, Problem
from embodied_envs.alfworld.planner.heuristic import Heuristic
from embodied_envs.alfworld.planner.plan import PlanStep
from embodied_envs.alfworld.planner.subproblem import Subproblem
from embodied_envs.alfworld.planner.world import State, World

MAX_EXPANSIONS = 100_000
"""How many states a search may expand. The official games need a few dozen."""


class Unsolvable(Exception):  # noqa: N818 - a finding about the problem, not a fault
    """No sequence of commands reaches the goal."""


class PlanningLimitError(RuntimeError):
    """The search gave up after `MAX_EXPANSIONS` states, with neither a plan nor a proof of none."""


def shortest_plan(problem: Problem, facts: Collection[Fact] | None = None) -> list[PlanStep]:
    """Find a plan with the fewest commands to the problem's goal; empty if the goal is met.

    The plan starts where the problem does or, to plan in the middle of a game, in the state that
    `facts` describes. The same problem and facts always give the same plan.

    Raises `Unsolvable`, `UnsupportedProblemError` (see there), `PlanningLimitError`, and the errors
    of `pddl.ground`.
    """
    start = frozenset(problem.init if facts is None else facts)
    world = World(start)
    clauses = ground(problem.goal, start, problem.objects_by_type(), world.may_change)
    subproblems = [Subproblem(world, clause, start) for clause in clauses]
    if not subproblems:
        raise Unsolvable(f"nothing that can be done changes the goal of {problem.name!r} to true")
    return _Search(subproblems, problem.name).run()


class _Node(NamedTuple):
    """A state reached in the search, and how."""

    subproblem: int
    state: State
    cost: int
    steps: tuple[PlanStep, ...] = ()
    parent: _Node | None = None


class _Search:
    """A* over several subproblems at once.

    Ties go to the node with more commands behind it, then to the older. The estimate need not be
    consistent, so a state is expanded again where a shorter way to it turns up.
    """

    def __init__(self, subproblems: Sequence[Subproblem], name: str) -> None:
        self._subproblems = subproblems
        self._heuristics = [Heuristic(subproblem) for subproblem in subproblems]
        self._name = name
        self._queue: list[tuple[int, int, int, _Node]] = []
        self._costs: dict[tuple[int, State], int] = {}
        self._ages = count()
        for index, subproblem in enumerate(subproblems):
            self._push(_Node(index, subproblem.start, 0))

    def run(self) -> list[PlanStep]:
        """Search for a goal; returns the steps to the first one taken from the queue."""
        for _ in range(MAX_EXPANSIONS):
            if not self._queue:
                raise Unsolvable(f"no sequence of commands reaches the goal of {self._name!r}")
            node = heapq.heappop(self._queue)[-1]
            if node.cost > self._costs[node.subproblem, node.state]:
                continue
            subproblem = self._subproblems[node.subproblem]
            if not subproblem.unmet(node.state):
                return _steps_to(node)
            for steps, state in subproblem.successors(node.state):
                self._push(_Node(node.subproblem, state, node.cost + len(steps), steps, node))
        raise PlanningLimitError(f"gave up on {self._name!r} after {MAX_EXPANSIONS} states")

    def _push(self, node: _Node) -> None:
        key = (node.subproblem, node.state)
        known = self._costs.get(key)
        if known is not None and known <= node.cost:
            return
        self._costs[key] = node.cost
        estimate = self._heuristics[node.subproblem].estimate(node.state)
        if estimate is not None:
            entry = (node.cost + estimate, -node.cost, next(self._ages), node)
            heapq.heappush(self._queue, entry)


def _steps_to(node: _Node) -> list[PlanStep]:
    parts = []
    current: _Node | None = node
    while current is not None:
        parts.append(current.steps)
        current = current.parent
    return [step for part in reversed(parts) for step in part]
