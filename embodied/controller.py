"""A controller: the robot's Python API over one environment.

A controller is the one definition that every action format is derived from: methods marked with
`@action`, their signatures and their docstrings. Nothing else describes the API to a policy.
"""

from __future__ import annotations

import asyncio
import difflib
import dis
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, TypeVar, get_args, get_type_hints, overload

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from embodied._util.jsonable import safe_repr, truncate
from embodied.api_text import constraints, signature_text
from embodied.approval import NOBODY, Approver, NotApprovedError, PendingCall, refused
from embodied.brakes import ActionTimeoutError, BegunCall, Brakes
from embodied.environment import Attachment, Environment, Observation, StepResult
from embodied.errors import PASSED_ON, EpisodeEnded, InfrastructureError
from embodied.handle import Handles
from embodied.image import Image
from embodied.limits import AfterEnd
from embodied.plan_types import PlanType, plan_types
from embodied.trajectory import ApprovalRecord, StepRecord

Method = TypeVar("Method", bound=Callable[..., Any])

_Judged: TypeAlias = ApprovalRecord | Future[ApprovalRecord] | None
_MARK = "__embodied_action__"
_WRAPPED = ("__func__", "fget", "func")
"""Where static and class methods and properties keep their function."""
_ANNOUNCED = (ValueError, TypeError, RuntimeError)
_OUR_OWN = (NotApprovedError, ActionTimeoutError)
"""What the framework announces to the policy."""
_INTEGER_BITS = 14_000
"""Python writes no integer of more than 4,300 digits into a text."""
_RAISE = dis.opmap["RAISE_VARARGS"]
_CALL: ContextVar[BegunCall | None] = ContextVar("_CALL", default=None)
"""What this thread or task is doing."""
_ATTACHMENTS = 64
"""What a robot keeps at most of what its observations had attached."""
_SHOWN = 16
"""Pictures that an action may show."""


@dataclass(frozen=True)
class _Mark:
    """What `action` was told of a method."""

    confirm: bool
    timeout: float | None


@overload
def action(method: Method, /) -> Method: ...
@overload
def action(
    *, confirm: bool = False, timeout: float | None = None
) -> Callable[[Method], Method]: ...
def action(
    method: Method | None = None, /, *, confirm: bool = False, timeout: float | None = None
) -> Method | Callable[[Method], Method]:
    """Mark a controller method as part of the robot's API: `@action` or `@action(confirm=True)`.

    The method needs type hints on all parameters and on its result, and a docstring. It may be
    `async def`.

    Args:
        method: what is marked.
        confirm: whether each call is held until it is approved (`runner.approval`).
        timeout: seconds after which a call is broken off and the robot stopped. An `async def`
            method is cancelled; of any other, `stop` is called, which must make it return.
    """
    if timeout is not None and not timeout > 0:
        raise ValueError(f"the timeout of an action is a number of seconds above 0, not {timeout}")

    def mark(marked: Method) -> Method:
        if not inspect.isfunction(marked):
            raise TypeError(f"@action marks a method, defined by `def`, not {marked!r}")
        setattr(marked, _MARK, _Mark(confirm, timeout))
        return marked

    return mark if method is None else mark(method)


@dataclass(frozen=True, eq=False)
class ActionSpec:
    """One method of the robot's API, as every action format sees it."""

    name: str
    signature: inspect.Signature
    """Without `self`; annotations are types, not strings."""
    documentation: str
    """The docstring, dedented."""
    validators: Mapping[str, TypeAdapter[Any]]
    confirm: bool = False
    """Whether a call is held until it is approved."""
    timeout: float | None = None
    """Seconds that a call may take."""
    asynchronous: bool = False
    """Whether it is `async def`."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """The type hints of the parameters, and of the result as `return`, with what `Annotated`
    says."""
    file: str | None = None
    """Where it is defined."""

    @classmethod
    def of(cls, method: Callable[..., Any]) -> ActionSpec:
        """Read the specification off a method.

        Raises:
            TypeError: type hints or the docstring are missing, or say nothing.
        """
        hints, annotated = get_type_hints(method), get_type_hints(method, include_extras=True)
        signature = inspect.signature(method)
        parameters = list(signature.parameters.values())[1:]
        missing = [p.name for p in parameters if p.name not in hints]
        missing += [] if "return" in hints else ["return"]
        if missing:
            raise TypeError(f"{method.__qualname__}: no type hint for {', '.join(missing)}")
        variables = [name for name, hint in hints.items() if _has_variable(hint)]
        if variables:
            raise TypeError(
                f"{method.__qualname__}: the type hint of {', '.join(variables)} has a type "
                "variable, which says nothing to a policy; name the types"
            )
        documentation = inspect.getdoc(method)
        if not documentation:
            raise TypeError(f"{method.__qualname__}: an action needs a docstring")
        function = inspect.unwrap(method)
        mark = getattr(method, _MARK, _Mark(confirm=False, timeout=None))
        return cls(
            name=method.__name__,
            signature=signature.replace(
                parameters=[p.replace(annotation=hints[p.name]) for p in parameters],
                return_annotation=hints["return"],
            ),
            documentation=documentation,
            validators={p.name: _validator(method, p, annotated[p.name]) for p in parameters},
            confirm=mark.confirm,
            timeout=mark.timeout,
            asynchronous=inspect.iscoroutinefunction(function),
            hints={name: annotated[name] for name in (*(p.name for p in parameters), "return")},
            file=function.__code__.co_filename,
        )

    def bind(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        check_types: bool = True,
        handles: Handles | None = None,
    ) -> dict[str, Any]:
        """Return the arguments by parameter name, defaults filled in.

        Args:
            args: those by position.
            kwargs: those by name.
            check_types: whether they must fit the type hints.
            handles: the objects that ids stand for; None: ids stay as they are.

        Raises:
            TypeError: the arguments do not fit the signature; the message shows it.
        """
        try:
            arguments = self.given(args, kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}. Its signature is {self}") from None
        if len(arguments) < len(self.validators):
            bound = inspect.BoundArguments(self.signature, arguments)
            bound.apply_defaults()
            arguments = bound.arguments
        if not check_types:
            return arguments
        return {name: self.checked(name, value, handles) for name, value in arguments.items()}

    def given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by parameter name, as they are given and no others.

        Raises:
            TypeError: they do not fit the signature.
        """
        if not kwargs and self._in_order is not None and len(args) == len(self._in_order):
            return dict(zip(self._in_order, args, strict=True))
        return self.signature.bind(*args, **kwargs).arguments

    @cached_property
    def _in_order(self) -> tuple[str, ...] | None:
        """The parameters, where all of them may be given by position."""
        parameters = self.signature.parameters.values()
        named_only = any(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters)
        return None if named_only else tuple(self.signature.parameters)

    @cached_property
    def _strict(self) -> frozenset[str]:
        """The parameters of simple types, for which no other type will do."""
        parameters = self.signature.parameters.values()
        return frozenset(p.name for p in parameters if p.annotation in (str, int, float, bool))

    def checked(self, name: str, value: Any, handles: Handles | None = None) -> Any:
        """Return the value as the parameter takes it; `handles` as for `bind`.

        Raises:
            TypeError: it does not fit the type hint.
        """
        try:
            validator = self.validators[name].validator
            checked = validator.validate_python(value, strict=name in self._strict, context=handles)
            if not isinstance(checked, int) or checked.bit_length() <= _INTEGER_BITS:
                return checked
            detail = ""
        except ValidationError as error:
            detail = self._detail(name, error)
        raise TypeError(
            f"{self.name}(): {name} cannot be {safe_repr(value, 80)}{detail}. "
            f"Its signature is {self}"
        )

    def _detail(self, name: str, error: ValidationError) -> str:
        """Say what is asked of a value, or what is wrong with a part of it."""
        problem, *others = error.errors(include_url=False, include_input=False)
        if problem["type"] == "value_error":
            return f"; {problem['ctx']['error']}"
        if problem["loc"] and not others:
            return f"; {'.'.join(map(str, (name, *problem['loc'])))}: {problem['msg']}"
        words = constraints(self.hints.get(name))
        return f"; it takes: {words}" if words else ""

    def apply(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call the bound method with arguments that `bind` returned."""
        if self._in_order is not None:
            return method(*arguments.values())
        bound = inspect.BoundArguments(self.signature, dict(arguments))
        return method(*bound.args, **bound.kwargs)

    def __str__(self) -> str:
        return f"{self.name}{signature_text(self.signature)}"


def _has_variable(hint: Any) -> bool:
    return isinstance(hint, TypeVar) or any(map(_has_variable, get_args(hint)))


def _validator(
    method: Callable[..., Any], parameter: inspect.Parameter, hint: Any
) -> TypeAdapter[Any]:
    where = f"{method.__qualname__}: the parameter {parameter.name}"
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise TypeError(f"{where} takes any number of arguments; name each one")
    try:
        return TypeAdapter(hint)
    except PydanticUserError as error:
        raise TypeError(f"{where} has a type that cannot be checked: {error.message}") from None


def _is_announced(error: BaseException, by_statement: bool) -> bool:
    """Tell whether an exception is for the policy to read: it is of a kind that a robot announces
    and, where that is asked for, was raised by a `raise` statement rather than by Python itself.
    """
    if isinstance(error, _OUR_OWN):
        return True
    if not by_statement:
        return isinstance(error, _ANNOUNCED)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised = trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return raised and kind in _ANNOUNCED


def _marked(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the actions of a class by name, base classes first.

    Raises:
        TypeError: a mark stands where it means nothing, or an override has lost it.
    """
    for name in dict.fromkeys(name for base in reversed(kind.__mro__) for name in vars(base)):
        found = inspect.getattr_static(kind, name)
        where = f"{kind.__qualname__}.{name}"
        inside = next((f for part in _WRAPPED if (f := getattr(found, part, None))), None)
        if not inspect.isfunction(found) and hasattr(inside, _MARK):
            raise TypeError(f"{where}: only methods can be actions, not {type(found).__name__}")
        if hasattr(found, _MARK) and found.__name__ == name:
            yield name, found
        elif hasattr(found, _MARK) and getattr(kind, found.__name__, None) is not found:
            raise TypeError(
                f"{where}: the function is called {found.__name__!r}; a decorator below @action "
                "needs functools.wraps"
            )
        elif inspect.isfunction(found) and any(
            hasattr(vars(base).get(name), _MARK) for base in kind.__mro__
        ):
            raise TypeError(
                f"{where} overrides an action, so mark it with @action too; {name} = None takes "
                "the action away"
            )


def _admit(call: BegunCall, pending: PendingCall, approval: ApprovalRecord | None) -> None:
    """Record who judged a call; raise NotApprovedError where it is refused."""
    if approval is None:
        return
    seconds = time.perf_counter() - call.begun
    call.approval = approval.model_copy(update={"seconds": seconds})
    if not approval.approved:
        raise refused(pending, approval)


@action
def show(self: Controller, image: Image) -> None:
    """Look at a picture: you see it with what comes of this action."""
    self.show_picture(image)


class Controller:
    """The robot's API over one environment.

    Subclasses add methods marked with `@action` that send commands with `send` and return what the
    policy should see. They are registered under the entry-point group `embodied.controllers`.

    A method announces a mistake of the policy with `raise ValueError(...)`, `TypeError` or
    `RuntimeError`, or a class of its own that inherits from one of them; the message says what to
    do instead. Any other exception is a defect of the robot and makes the episode an
    infrastructure error: a `KeyError`, but also a `ValueError` that no `raise` statement raised,
    such as that of `int("x")`.
    """

    introduction: ClassVar[str] = ""
    """What a policy is told above the functions, such as frames, units and house rules: the class's
    docstring, unless the class says otherwise. A class without either inherits it."""

    checks_arguments: ClassVar[bool] = True
    """Whether calls whose arguments do not fit the type hints are refused. Where they are not, a
    ValueError, TypeError or RuntimeError is announced even without a `raise` statement."""

    thread_safe: ClassVar[bool] = False
    """Whether any thread may use it, one at a time, as `Environment.thread_safe`. Both must say so:
    else robot and environment live in one thread."""

    asynchronous: ClassVar[bool] = False
    """Whether some action is `async def`. Such a robot lives in the thread of an event loop."""

    environment: Environment
    first_observation: Observation
    max_steps: int | None
    """Environment steps that the episode may take; None: no bound."""
    after_end: AfterEnd
    last_result: StepResult | None
    last_answer: Any
    """What the last call returned, or the exception that it raised."""
    last_call: BegunCall | None
    """The call that was begun last."""
    steps: list[StepRecord]
    approver: Approver | None = None
    """Judges each call; None: those that need to be approved are refused."""

    handles: Handles
    """What the episode has given out for plans to pass on."""
    robot_name: str = ""
    """Which of several robots in one environment it is (`embodied.team`)."""
    leader: Controller | None = None
    """What takes the steps of several robots together."""

    _specs: ClassVar[dict[str, ActionSpec]] = {}
    _types: ClassVar[Mapping[type, PlanType]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "introduction" not in vars(cls) and vars(cls).get("__doc__"):
            cls.introduction = inspect.cleandoc(str(cls.__doc__))
        cls.thread_safe = vars(cls).get("thread_safe", False)
        cls._specs = {name: ActionSpec.of(method) for name, method in _marked(cls)}
        cls._types = plan_types(
            hint for spec in cls._specs.values() for hint in spec.hints.values()
        )
        if "show" not in cls._specs and any(issubclass(kind, Image) for kind in cls._types):
            if hasattr(cls, "show"):
                raise TypeError(f"{cls.__name__}: show is the action that shows pictures")
            setattr(cls, "show", show)  # noqa: B010 - only robots with pictures have it
            cls._specs["show"] = ActionSpec.of(show)
        cls.asynchronous = inspect.iscoroutinefunction(cls.stop) or any(
            spec.asynchronous for spec in cls._specs.values()
        )
        taken = sorted(cls._specs.keys() & (vars(Controller) | Controller.__annotations__).keys())
        if taken:
            raise TypeError(f"{cls.__name__}: the name {taken[0]!r} is taken by Controller itself")

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.begin(Observation(""), max_steps=None)

    @classmethod
    def actions(cls) -> Mapping[str, ActionSpec]:
        """Return the API's methods by name, base classes first, in the order of definition."""
        return cls._specs

    @classmethod
    def plan_types(cls) -> Mapping[type, PlanType]:
        """Return what the types in the signatures are in plans, by their classes."""
        return cls._types

    @classmethod
    def robots(cls) -> Mapping[str, Mapping[str, str]]:
        """Return which actions code calls as `robot.action(...)`: by the names of the robots and
        of their own actions, those that the actions have here.
        """
        return {}

    def begin(
        self, observation: Observation, max_steps: int | None, after_end: AfterEnd = "stop"
    ) -> None:
        """Start an episode whose first observation the environment has just given.

        Args:
            observation: what `Environment.reset` returned.
            max_steps: environment steps that the episode may take; None: no bound.
            after_end: what happens to commands sent after the end.
        """
        self.brakes.begin()
        self.first_observation = observation
        self.max_steps = max_steps
        self.after_end = after_end
        self.last_result = None
        self.last_answer = None
        self.last_call = None
        self.steps = []
        self._attached: dict[object, Attachment] = {}
        self.handles = Handles()

    @cached_property
    def brakes(self) -> Brakes:
        """What makes the calls, and breaks them off."""
        return Brakes(self, stops=type(self).stop is not Controller.stop)

    def stop(self) -> Awaitable[None] | None:
        """Bring the robot to rest: a brake, for robots that go on moving by themselves.

        It is called when an episode has ended in whatever way, when an action is broken off, and
        before the environment is closed; not again before the robot is called again. It is called
        in the robot's own thread, but where a call hangs in that, from another one. It may be
        `async def`.
        """
        return None

    @property
    def success(self) -> bool:
        """Whether the simulator's goal test held after the last step."""
        return self.last_result is not None and self.last_result.success

    @property
    def out_of_steps(self) -> bool:
        """Whether the episode's environment steps are used up."""
        return self.max_steps is not None and len(self.steps) >= self.max_steps

    @property
    def ended(self) -> bool:
        """Whether the episode is over: goal reached, ended by the environment, out of steps."""
        last = self.last_result
        over = last is not None and (last.terminated or last.truncated or last.success)
        return over or self.out_of_steps

    def send(self, command: str) -> str:
        """Take one environment step and return its observation's text.

        Raises:
            EpisodeEnded: the episode has ended before this command.
            InfrastructureError: the simulator failed, or the episode or the call was broken off.
        """
        if self.leader is not None:
            return self.leader.send(command)
        self.brakes.check()
        call = self._running_call
        if call is not None and call.broken_off:
            raise InfrastructureError(f"{call.name}() was broken off and the robot stopped")
        if self.ended and self.after_end == "stop":
            raise EpisodeEnded
        if self.ended and self.last_result is not None:
            return self.last_result.observation.text
        return self._step(command).observation.text

    @property
    def _running_call(self) -> BegunCall | None:
        """What takes a step now; of a thread that a call has started, the call begun last."""
        return _CALL.get() or self.last_call

    def _step(self, command: str) -> StepResult:
        started = time.perf_counter()
        try:
            result = self.environment.step(command)
            record = StepRecord(
                command=truncate(command),
                observation=truncate(result.observation.text),
                reward=result.reward,
                terminated=result.terminated,
                truncated=result.truncated,
                success=result.success,
                seconds=time.perf_counter() - started,
            )
        except PASSED_ON:
            raise
        except BaseException as error:
            what = f"{type(self.environment).__name__}.step({command!r})"
            raise InfrastructureError.of(what, error) from error
        self.last_result = result
        self.steps.append(record)
        if (call := self._running_call) is not None:
            call.steps.append(record)
        for attachment in result.observation.attachments:
            self._attached.pop(attachment.name, None)
            self._attached[attachment.name] = attachment
        while len(self._attached) > _ATTACHMENTS:
            del self._attached[next(iter(self._attached))]
        return result

    def show_picture(self, image: Image) -> None:
        """Have the policy see a picture after this action; showing it again changes nothing.

        Raises:
            RuntimeError: the action has shown as many as it may.
        """
        if self.leader is not None:
            self.leader.show_picture(image)
            return
        shown = sum(isinstance(key, Image) for key in self._attached)
        if image not in self._attached and shown >= _SHOWN:
            raise RuntimeError(f"no more than {_SHOWN} pictures can be shown at a time")
        self._attached[image] = image

    def take_attachments(self) -> list[Attachment]:
        """Return what a policy is to see besides the text since the last call, and forget it: what
        was shown, and what the observations of the steps had attached; of each name, such as that
        of a camera, the last one.
        """
        taken = list(self._attached.values())
        self._attached.clear()
        return taken

    def call(self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = {}) -> Any:
        """Call one action with unchecked arguments.

        Raises:
            NameError: there is no such action.
            TypeError: the arguments do not fit.
            ValueError, TypeError, RuntimeError: what the method announces to the policy.
            PermissionError: the call was not approved.
            TimeoutError: it took longer than the action may.
            EpisodeEnded: as `send`.
            InfrastructureError: the simulator failed, or the robot by a defect of its own, or the
                episode was broken off.
        """
        call = self.begin_call(name, args, kwargs)
        self.brakes.wait_for_any([call.future])
        return self.result(call)

    def begin_call(
        self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = {}
    ) -> BegunCall:
        """Begin a call as `call` does, and go on: those of a robot with `async def` actions run
        side by side. A call of any other robot has ended when this returns.

        Raises:
            NameError: there is no such action. All else is raised by `result`.
        """
        spec = self._spec(name)
        call = self.last_call = BegunCall(name)
        try:
            arguments = spec.bind(
                args, kwargs, check_types=self.checks_arguments, handles=self.handles
            )
            pending = PendingCall(name, arguments, spec.confirm)
            judged = self._judge(pending)
            if self.asynchronous:
                work = self._perform_on_loop(call, spec, pending, judged)
                call.future = self.brakes.begin_on_loop(work)
            else:
                call.future.set_result(self._perform(call, spec, pending, judged))
        except BaseException as error:  # `result` raises it
            call.future.set_exception(error)
        return call

    def result(self, call: BegunCall) -> Any:
        """Return what a call that has ended came to; raises as `call`."""
        try:
            self.last_answer = call.future.result()
        except PASSED_ON:
            raise
        except CancelledError:
            raise InfrastructureError("the call was cancelled") from None
        except BaseException as error:
            if not _is_announced(error, self.checks_arguments):
                what, file = f"{type(self).__name__}.{call.name}()", self.actions()[call.name].file
                raise InfrastructureError.of(what, error, file) from error
            self.last_answer = error
            raise
        return self.last_answer

    def _spec(self, name: str) -> ActionSpec:
        spec = self.actions().get(name)
        if spec is None:
            known = list(self.actions())
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
            raise NameError(f"there is no action {safe_repr(name, 80)}; {hint}")
        return spec

    def _judge(self, pending: PendingCall) -> _Judged:
        """Judge a call, now or later; None: it needs no approval."""
        if self.approver is not None:
            return self.approver(pending)
        return NOBODY if pending.confirm else None

    def _perform(
        self, call: BegunCall, spec: ActionSpec, pending: PendingCall, judged: _Judged
    ) -> Any:
        outer = _CALL.set(call)
        try:
            if isinstance(judged, Future):
                judged = self.brakes.wait_for(judged)
            _admit(call, pending, judged)
            return self.brakes.make(spec, pending.arguments)
        finally:
            _CALL.reset(outer)

    async def _perform_on_loop(
        self, call: BegunCall, spec: ActionSpec, pending: PendingCall, judged: _Judged
    ) -> Any:
        _CALL.set(call)  # of this task alone
        if isinstance(judged, Future):
            judged = await asyncio.wrap_future(judged)
        _admit(call, pending, judged)
        return await self.brakes.make_on_loop(spec, pending.arguments)

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends the given command: the inverse of the methods.

        Raises:
            ValueError: no method sends this command.
        """
        raise ValueError(f"{cls.__name__} does not know a call that sends {command!r}")
