"""The rules that every controller keeps, as functions that a test calls."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from embodied._util.jsonable import safe_repr
from embodied.action_formats import FORMATS, ActionFormat, Call, CallFormat, make_format
from embodied.action_formats.examples import documented_calls, example_call
from embodied.controller import ActionSpec, Controller
from embodied.environment import Environment
from embodied.errors import EpisodeEnded, InfrastructureError
from embodied.interpreter.typed_values import to_plan
from embodied.plan_types import MADE, refusal
from embodied.plugins.registry import controller_class, names
from embodied.testing.failures import CheckFailed, attempt, check
from embodied.testing.harness import EnvironmentHarness
from embodied.testing.threads import in_new_thread

_WORDS = 4
"""An error that helps has at least so many."""
_NONSENSE = "xyzzy 7"
_UNUSED_BUILTINS = frozenset(
    {"breakpoint", "compile", "copyright", "credits", "exit", "help", "license", "open", "quit"}
    | {"slice"}
)
"""A robot may well have actions of these names, which mean nothing in a plan."""
_TRIED_COMMANDS = 6
_INVERSE = "command_call() is the inverse of the methods: its call sends just that command."


def check_controller(
    controller: str | type[Controller],
    environment: str | type[Environment] | None = None,
    *,
    split: str | None = None,
    task: str | None = None,
    solution: Sequence[str] = (),
    **options: Any,
) -> None:
    """See that a controller keeps the rules that the action formats rely on.

    Args:
        controller: its name, as registered or `path/to/file.py:Class`, or its class.
        environment: the simulator to try it on; None: only what can be seen without one is checked.
        split: the split of the task; None: the environment's default.
        task: id of the task to play; None: the first one.
        solution: commands that solve this task, where the environment has no plan.
        options: of the environment.

    Raises:
        CheckFailed: a rule is broken; the message says which, and what happened.
        EmbodiedError: there is no such plugin, or something that it needs is missing.
    """
    kind = controller_class(controller) if isinstance(controller, str) else controller
    rule = "A controller has at least one method marked with @action."
    check(bool(kind.actions()), rule, f"{kind.__name__} has none")
    for spec in kind.actions().values():
        _check_name(spec)
        _check_types(spec)
        _check_documented(spec)
    _check_type_names(kind)
    for name in names(FORMATS):
        _check_format(kind, name, make_format(name, kind))
    if environment is not None:
        _check_played(kind, EnvironmentHarness(environment, split, task, options), solution)


def _check_name(spec: ActionSpec) -> None:
    rule = "No action has the name of a built-in function that plans use."
    hidden = spec.name in vars(builtins).keys() - _UNUSED_BUILTINS
    check(not hidden, rule, f"{spec} hides {spec.name}; call it otherwise, like {spec.name}_it")


def _check_types(spec: ActionSpec) -> None:
    problem = refusal(spec.hints["return"])
    rule = "What an action returns has an equal form in plans."
    check(problem is None, rule, f"the result of {spec}: {problem}")


def _check_type_names(kind: type[Controller]) -> None:
    rule = "Each name in plans stands for one thing."
    taken = {
        **dict.fromkeys(vars(builtins), "a built-in"),
        **dict.fromkeys(kind.actions(), "an action"),
    }
    for known in kind.plan_types().values():
        if known.form in MADE:
            other = taken.get(known.name)
            check(other is None, rule, f"{known.name} is a type of a signature and {other}")
            taken[known.name] = "another type"


def _check_documented(spec: ActionSpec) -> None:
    if not spec.signature.parameters:
        return
    check(
        any(documented_calls(spec)),
        "The docstring of an action with parameters has a line `Example: name(...)` with a call "
        "that fits the signature.",
        f"the docstring of {spec} has none",
    )


def _check_format(kind: type[Controller], name: str, written: ActionFormat) -> None:
    """See that a format shows every action, and reads back what it writes."""
    where = f"in the action format {name}"
    rule = "All action formats can be derived from the controller."
    document = attempt(rule, f"the prompt {where}", written.describe_api)
    document += str(attempt(rule, f"the functions {where}", written.tools))
    short = {full: own for names in kind.robots().values() for own, full in names.items()}
    for spec in kind.actions().values():
        shown = spec.name in document or f"def {short.get(spec.name, '')}(" in document
        check(shown, rule, f"{where} the prompt does not show {spec.name}")
    for call in [example_call(kind), *_documented(kind)]:
        rendered = attempt(rule, f"{call} {where}", written.render, "I try.", [call])
        action = attempt(rule, f"reading {call} {where}", written.parse, rendered).action
        good = action is not None and written.calls_robot(action)
        check(good, rule, f"{where} {call} cannot be read back: {rendered.content!r:.200}")
        if isinstance(written, CallFormat) and action is not None:
            (read,) = attempt(rule, f"reading {call} {where}", written.calls, action)
            same = _arguments(kind, read) == _arguments(kind, call)
            check(same, rule, f"{where} {call} is read back as {read}")


def _documented(kind: type[Controller]) -> list[Call]:
    return [call for spec in kind.actions().values() for _, _, call in documented_calls(spec)]


def _arguments(kind: type[Controller], call: Call) -> tuple[str, Mapping[str, Any]]:
    return call.name, kind.actions()[call.name].bind(call.args, call.kwargs)


def _check_played(
    kind: type[Controller], harness: EnvironmentHarness, solution: Sequence[str]
) -> None:
    with harness.environment() as made:
        with _episode(kind, harness, made) as robot:
            _check_errors(robot)
        if inspect.getattr_static(kind, "command_call") is vars(Controller)["command_call"]:
            return
        with _episode(kind, harness, made):
            valid = made.valid_commands() if made.capabilities.valid_commands else []
        known = [command for command in valid if _call_of(kind, command)]
        for command in known[:: -(-len(known) // _TRIED_COMMANDS) or 1]:
            with _episode(kind, harness, made) as robot:
                _check_sent(robot, command)
        with _episode(kind, harness, made) as robot:
            plan = made.plan() if made.capabilities.plan and not solution else solution
            _check_solution(robot, plan)


@contextmanager
def _episode(
    kind: type[Controller], harness: EnvironmentHarness, made: Environment
) -> Iterator[Controller]:
    robot = kind(made)
    robot.approver = lambda call: None
    observation = made.reset(harness.task)
    rule = "begin() takes the first observation and raises nothing."
    attempt(rule, "begin()", lambda: robot.begin(observation, max_steps=None))
    yield robot


def _check_errors(robot: Controller) -> None:
    """Make every documented call, and every call with nonsense in its texts."""
    documented, specs = _documented(type(robot)), robot.actions().values()
    bare = [Call(spec.name) for spec in specs if not spec.signature.parameters]
    for call in [*documented, *map(_with_nonsense, documented), *bare]:
        _check_answer(robot, call)


def _with_nonsense(call: Call) -> Call:
    args = tuple(_NONSENSE if isinstance(value, str) else value for value in call.args)
    kwargs = {k: _NONSENSE if isinstance(v, str) else v for k, v in call.kwargs.items()}
    return Call(call.name, args, kwargs)


def _check_answer(robot: Controller, call: Call) -> None:
    rule = (
        "A mistake of the policy is announced by `raise` with a ValueError, RuntimeError or "
        "TypeError whose message says what to do instead."
    )
    try:
        answer = _thread_of(robot)(robot.call, call.name, call.args, call.kwargs)
    except EpisodeEnded:
        return
    except (ValueError, RuntimeError, TypeError) as error:
        helps = len(str(error).split()) >= _WORDS
        check(helps, rule, f"{call} raised {type(error).__name__} with only {str(error)!r}")
    except InfrastructureError as error:
        raise CheckFailed(rule, f"{call}: {error}") from error
    else:
        _check_result(robot, call, answer)


def _check_result(robot: Controller, call: Call, answer: object) -> None:
    spec = robot.actions()[call.name]
    rule = "A result can be given to code: text, numbers, collections of them, and the like."
    attempt(rule, f"what {call} returned", to_plan, answer, robot.plan_types(), robot.handles)
    hint = spec.signature.return_annotation
    try:
        adapter = TypeAdapter(hint)
    except PydanticUserError:  # a class that pydantic knows nothing of
        return
    rule = "A result is what the type hint says."
    try:
        adapter.validate_python(answer, strict=True)
    except ValidationError:
        shown = f"{type(answer).__name__} {safe_repr(answer, 80)}"
        raise CheckFailed(rule, f"{call} returned {shown}, and its signature is {spec}") from None


def _thread_of(robot: Controller) -> Callable[..., Any]:
    """Return what makes a call: in a thread of its own, where any thread may make it."""
    if not (robot.thread_safe and robot.environment.thread_safe):
        return lambda function, *args: function(*args)
    return in_new_thread


def _check_solution(robot: Controller, commands: Sequence[str]) -> None:
    for command in commands:
        if robot.ended:
            break
        rule = "command_call() knows a call for every command of the solution."
        known = _call_of(type(robot), command) is not None
        check(known, rule, f"command_call({command!r}) raised ValueError")
        _check_sent(robot, command)
    rule = "The robot reaches the goal by the solution."
    check(robot.success or not commands, rule, "it did not")


def _check_sent(robot: Controller, command: str) -> None:
    call, before = _call_of(type(robot), command), len(robot.steps)
    if call is not None:
        attempt(_INVERSE, f"{call}, for {command!r},", robot.call, call.name, (), call.kwargs)
    sent = [step.command for step in robot.steps[before:]]
    check(sent == [command], _INVERSE, f"for {command!r} it gives {call}, which sent {sent}")


def _call_of(kind: type[Controller], command: str) -> Call | None:
    """Return the call that sends a command; None: the controller says that it has none."""
    try:
        name, arguments = kind.command_call(command)
    except ValueError:
        return None
    except Exception as error:
        happened = f"command_call({command!r}) raised {type(error).__name__}: {error}"
        rule = "command_call() raises ValueError for a command that no method sends."
        raise CheckFailed(rule, happened) from error
    call = Call(name, kwargs=arguments)
    known = name in kind.actions()
    check(known, _INVERSE, f"for {command!r} it gives {call}, which is no action")
    attempt(_INVERSE, f"{call}, for {command!r},", _arguments, kind, call)
    return call
