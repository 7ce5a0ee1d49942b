"""A game compiled for play: its facts, its operators, its goal, its texts.

A compiled game holds no state of play; all environments that play the same game share it. What
only playing needs, operators and goal, is made at the first command.
"""

from __future__ import annotations

import hashlib
from threading import RLock

from embodied_envs.alfworld.domain import UnsupportedGameError, clauses_of, read_domain
from embodied_envs.alfworld.facts import FactTable, State
from embodied_envs.alfworld.game_file import GameTexts
from embodied_envs.alfworld.goal import Goal
from embodied_envs.alfworld.grammar import Rule, read_grammar
from embodied_envs.alfworld.grammar_check import INTRO, check_grammar
from embodied_envs.alfworld.grounding import Grounder
from embodied_envs.alfworld.names import display_names, named_ids
from embodied_envs.alfworld.narrator import Entity, Narrator
from embodied_envs.alfworld.operators import OperatorTable
from embodied_envs.alfworld.pddl.problem import read_problem


class CompiledGame:
    """One game, ready to be played by any number of environments at a time."""

    def __init__(self, texts: GameTexts) -> None:
        """Compile the texts of a game file.

        Raises:
            ValueError: a text is malformed (`PddlSyntaxError`), or the game cannot be played by
                any engine (`BrokenGameError`).
            UnsupportedGameError: the game uses what this engine does not play; names it.
        """
        self.fingerprint = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
        """Tells this game from all others."""
        self.domain = read_domain(texts.domain)
        self.grammar = read_grammar(texts.grammar)
        check_grammar(self.grammar, self.domain)
        self.problem = read_problem(texts.problem)
        self._goal_clauses = clauses_of(self.problem.goal)
        self.facts = FactTable(self.problem.init, self.domain.fluents)
        self.names = display_names(named_ids(self.problem))
        self.grounder = Grounder(self.domain, self.facts, self.problem.objects)
        objects = self.problem.objects
        entities = {id_: Entity(id_, name, objects[id_]) for id_, name in self.names.items()}
        self.narrator = Narrator(self.grammar, self.domain, self.facts, entities)
        self.first_text = self.narrator.text((Rule(INTRO),), {}, self.facts.initial)
        self._lock = RLock()
        self._operators: OperatorTable | None = None
        self._goal: Goal | None = None

    @property
    def operators(self) -> OperatorTable:
        """All operators so far. Made at the first use; raises BrokenGameError."""
        if self._operators is None:
            with self._lock:
                if self._operators is None:
                    self._operators = OperatorTable(self.domain, self.grounder, self.narrator)
        return self._operators

    @property
    def goal(self) -> Goal:
        """The goal. Made at the first use; raises BrokenGameError."""
        if self._goal is None:
            with self._lock:
                if self._goal is None:
                    self._goal = Goal(self._goal_clauses, self.grounder, self.facts)
        return self._goal

    def command_templates(self) -> list[str]:
        """List the forms of command in the grammar, each once, sorted."""
        return sorted({texts.template for texts in self.grammar.actions.values()})

    def is_possible(self, fact: tuple[str, ...]) -> bool:
        """Return whether there can be a state in which this changeable fact is true."""
        predicate, objects = fact[0].removeprefix("not_"), fact[1:]
        arity = self.domain.fluents.get(fact[0], self.domain.fluents.get(predicate))
        return len(objects) == arity and all(id_ in self.problem.objects for id_ in objects)

    def is_won(self, state: State) -> bool:
        """Test whether a state meets the goal."""
        return self.goal.is_met(state)


def vet(texts: GameTexts) -> None:
    """Check that no text of a game is malformed or beyond all bounds, whichever engine plays it.

    What only this engine lacks passes.

    Raises:
        ValueError: says what is wrong.
    """
    try:
        game = CompiledGame(texts)
    except UnsupportedGameError:
        return
    for schema in game.domain.actions.values():
        for clause in schema.clauses:
            game.grounder.check_size(clause)
