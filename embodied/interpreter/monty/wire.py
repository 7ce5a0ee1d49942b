"""The messages between the host and a Monty worker: protobuf, read without trusting a byte of it.

They are those of `monty subprocess` 1.4 (protocol 6). Values cross as a list of nodes, each of
which names its parts by their place in the list, so that a small message can stand for a value of
any size. What a value would take is counted while the list is read, shared parts as often as they
occur; nothing that is too large is ever built.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

from embodied.interpreter.confined.values import MAX_DEPTH, MAX_KEYS, Instance, Member
from embodied.plan_types import PlanType

MAX_CHARACTERS = 100_000
"""What the texts of a value may take, and each item of its collections the tenth of this part."""
_ITEM = 10
_MOST_FIELDS = 2 * MAX_CHARACTERS // _ITEM
_MAX_INTEGER_BYTES = 125
_TOO_LARGE = (
    f"the argument is too large: no more than {MAX_CHARACTERS} characters or "
    f"{MAX_CHARACTERS // _ITEM} items can be given to an action; give it a part"
)
_TOO_DEEP = f"the argument is nested deeper than {MAX_DEPTH} levels; give it a part"
_TOO_MANY_KEYS = (
    f"the argument holds more than {MAX_KEYS} keys or set members that are not text; give it a part"
)
_PROTOCOL = 6
_VERSION = b"1.4.0"

_IMPORT = 31
"""The system call of an import of a module that Monty does not have."""

_OTHER_KINDS = {1: "ellipsis", 3: "NotImplementedType", 21: "timezone", 23: "type", 25: "function"}
_OTHER_KINDS |= {26: "builtin_function_or_method", 27: "PosixPath", 28: "file"}


_SANDBOX, _HOST = 2, 3
"""Where types are defined."""
Members = Mapping[str, Mapping[str, tuple[str, str]]]
"""By the names of a type and of a member, the identities that a worker knows both by."""


@dataclass(frozen=True)
class TypeNames:
    """What a worker knows of the robot's types."""

    tuples: Set[str]
    """Names of those that are named tuples."""
    members: Members


_NO_TYPES: Mapping[str, PlanType] = {}
NO_TYPE_NAMES = TypeNames(frozenset(), {})


class MalformedMessage(Exception):  # noqa: N818 - a finding, not an error
    """A worker said what no worker says."""


@dataclass(slots=True)
class Printed:
    """Printed text; the worker goes on."""

    text: str


@dataclass(slots=True)
class Values:
    """Values that a worker hands out, not looked at yet."""

    nodes: bytes
    roots: Sequence[int]
    whole: bool
    """Whether all of them arrived; what is too large for a frame is cut."""

    def read(self, types: Mapping[str, PlanType] = _NO_TYPES) -> list[Any]:
        """Make Python values of them.

        Args:
            types: whose values are read as instances and members, by name.

        Raises:
            ValueError: they are too large for the host, or nested too deep.
            TypeError: they hold something that is not plain data.
            MalformedMessage: there are no such values.
        """
        if not self.whole:
            raise ValueError(_TOO_LARGE)
        try:
            return _Reader(self.nodes, types).take(self.roots)
        except (IndexError, KeyError, AttributeError, struct.error):
            raise MalformedMessage from None


@dataclass(slots=True)
class Called:
    """The worker waits for the answer of a function that it does not have."""

    name: str
    file: str
    offset: int
    """Where in the file the call begins, in bytes."""
    number: int
    """Of the call, for its answer."""
    values: Values
    names: list[int]
    """The keys among the values; each is followed by its argument."""

    receiver: bytes = b""
    """Of a method: the identity of the object or class."""

    def arguments(
        self, types: Mapping[str, PlanType] = _NO_TYPES
    ) -> tuple[list[Any], dict[str, Any]]:
        """Read the arguments; `types` and what is raised as for `Values.read`."""
        values = self.values.read(types)
        position = len(values) - 2 * len(self.names)
        named = values[position:]
        return values[:position], dict(zip(named[::2], named[1::2], strict=True))


@dataclass(slots=True)
class SystemCalled:
    """The worker waits for something of the operating system, or of a module."""

    number: int
    """Of the call, for its answer."""
    module: str | None
    """The module, where it is about an import."""


@dataclass(slots=True)
class LookedUp:
    """The worker waits for the value of a name that it does not have."""

    name: str
    receiver: bytes = b""
    """Of an attribute: the identity of the object or class."""


@dataclass(slots=True)
class Waiting:
    """All of the code waits for calls that have begun."""


@dataclass(slots=True)
class Completed:
    """The code has run to its end."""

    values: Values

    def value(self) -> Any:
        """Read the value of the last expression; raises as `Values.read`."""
        return self.values.read()[0]


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback."""

    file: str
    line: int
    column: int
    function: str | None
    """None: the code could not be read."""


@dataclass(slots=True)
class Raised:
    """The code has ended with an exception."""

    kind: str
    message: str
    frames: list[Frame]


@dataclass(slots=True)
class Dumped:
    """The state of the session."""

    state: bytes


@dataclass(slots=True)
class Done:
    """The worker has done what it was asked."""


@dataclass(slots=True)
class Broken:
    """The worker cannot go on."""

    message: str


Event = (
    Printed
    | Called
    | SystemCalled
    | LookedUp
    | Waiting
    | Completed
    | Raised
    | Dumped
    | Done
    | Broken
)


def is_dump(message: bytes) -> bool:
    """Whether a message holds a state, by its first byte."""
    return message[:1] == b"J"


def read_event(message: bytes, whole: bool) -> Event:
    """Read what a worker says.

    Args:
        message: the message.
        whole: whether it is all there; its beginning is read in any case.

    Raises:
        MalformedMessage: no worker says this.
    """
    try:
        length, begin = _number(message, 1)
        return _event(message[0] >> 3, message[begin : begin + length], whole)
    except (IndexError, KeyError, TypeError, AttributeError, struct.error):
        raise MalformedMessage from None


def _event(tag: int, content: bytes, whole: bool) -> Event:  # noqa: PLR0911 - one for each kind
    if tag == 2:
        return _call(content, whole)
    fields = dict(_fields(content))
    match tag:
        case 1:
            parts = [dict(_fields(part)) for _, part in _fields(content)]
            return Printed("".join(_text(part[2]) for part in parts))
        case 3:
            module = dict(_fields(fields[_IMPORT]))[1] if _IMPORT in fields else None
            return SystemCalled(fields.get(1, 0), None if module is None else _text(module))
        case 4:
            return LookedUp(_text(fields[1]), _identity(fields[2]) if 2 in fields else b"")
        case 5:
            return Waiting()
        case 6:
            return Completed(Values(fields[2], [fields.get(1, 0)], whole))
        case 7:
            return _raised(fields[1], whole)
        case 9:
            return Dumped(fields[1])
        case 10:
            return Done()
        case 11:
            return Broken(_text(fields.get(1, b"")))
    raise MalformedMessage


def _call(content: bytes, whole: bool) -> Called:
    name, nodes, file, receiver, offset, number = b"", b"", b"", b"", 0, 0
    roots: list[int] = []
    names: list[int] = []
    fields = _fields(content)
    for tag, field in fields:
        match tag:
            case 1:
                name = field
            case 2:
                roots += _numbers(field)
            case 3:
                pair = dict(_fields(field))
                names.append(len(roots))
                roots += (pair.get(1, 0), pair.get(2, 0))
            case 4:
                number = field
            case 5:
                receiver = _identity(field)
            case 7:
                nodes = field
            case 8:
                place = dict(_fields(field))
                file, offset = place[1], place.get(2, 0)
    whole = whole and len(fields) < _MOST_FIELDS
    values = Values(nodes, roots, whole)
    return Called(_text(name), _text(file), offset, number, values, names, receiver)


def _raised(content: bytes, whole: bool) -> Raised:
    name, message, frames = b"", b"", []
    for tag, field in _fields(content):
        match tag:
            case 1:
                name = field
            case 2:
                message = field
            case 3 if whole:
                frames.append(_frame(dict(_fields(field))))
    return Raised(_text(name).rpartition(".")[2], _text(message), frames)


def _frame(parts: Mapping[int, Any]) -> Frame:
    start = dict(_fields(parts[2]))
    function = _text(parts[4]) if 4 in parts else None
    return Frame(_text(parts[1]), start.get(1, 0), start.get(2, 0), function)


# What the host asks


def configure(seconds: float, memory_bytes: int, seed: int) -> bytes:
    """Ask for an empty session with a clock that does not sleep and a seeded `random`."""
    limits = _tagged_number(2, memory_bytes) + _tagged_number(6, int(1e6 * seconds))
    seeded = seed.to_bytes(seed.bit_length() // 8 + 1, "little", signed=True)
    policy = _field(1, b"") + _field(4, _field(1, b"")) + _field(5, _field(3, b""))
    policy += _field(8, _field(1, seeded)) + _field(9, b"")
    version = _field(5, _VERSION) + _tagged_number(9, _PROTOCOL)
    plain_assertions = _tagged_number(6, 0)
    asked = _field(1, b"main.py") + _field(2, limits) + version + plain_assertions
    return _field(1, asked + _field(11, policy))


def feed(code: str, functions: Sequence[str] = ()) -> bytes:
    """Ask to run code, in which names stand for functions of the host."""
    named = [
        _field(2, _field(1, n.encode()) + _tagged_number(2, i)) for i, n in enumerate(functions)
    ]
    nodes = [_field(25, _field(1, name.encode())) for name in functions]
    return _field(
        3, _field(1, code.encode()) + b"".join(named) + _nodes(3, nodes) + _field(5, b"/")
    )


def give(
    number: int, value: Any, types: TypeNames = NO_TYPE_NAMES, *, awaited: bool = False
) -> bytes:
    """Answer a call with a value.

    Args:
        number: of the call.
        value: plain data, dates, instances and members.
        types: what the worker knows of their types.
        awaited: whether it was answered by `begun` before, and code waits now.

    Raises:
        TypeError, ValueError, RecursionError: code cannot hold it.
    """
    nodes: list[bytes] = []
    root = _Writer(types, nodes).write(value)
    return _answer(number, _tagged_number(1, root), awaited, nodes)


def fail(number: int, kind: str, message: str, *, awaited: bool = False) -> bytes:
    """Answer a call with an exception, which `kind` names; `awaited` as in `give`."""
    error = _field(1, kind.encode()) + _field(2, message.encode("utf-8", "replace"))
    return _answer(number, _field(2, error), awaited)


def begun(number: int) -> bytes:
    """Answer that a call has begun and can be awaited."""
    return _answer(number, _tagged_number(3, number), awaited=False)


def _answer(number: int, result: bytes, awaited: bool, nodes: Sequence[bytes] = ()) -> bytes:
    answer = _tagged_number(1, number) + _field(2, result)
    if awaited:
        return _field(6, _field(1, answer) + _nodes(2, nodes))
    return _field(4, answer + (_nodes(3, nodes) if nodes else b""))


def refuse(number: int) -> bytes:
    """Answer a call of the operating system as Monty does where there is none."""
    return _field(4, _tagged_number(1, number) + _field(2, _field(5, b"")))


def function(name: str) -> bytes:
    """Answer that a name stands for the function of the host that is called so."""
    node = _field(25, _field(1, name.encode()))
    return _field(5, _nodes(1, [node]) + _tagged_number(2, 0))


def class_(known: PlanType, types: TypeNames) -> bytes:
    """Answer that a name stands for a type of the robot's."""
    nodes: list[bytes] = []
    root = _Writer(types, nodes).type(known)
    return _field(5, _nodes(1, nodes) + _tagged_number(2, root))


def robot(name: str) -> bytes:
    """Answer that a name stands for one of several robots, whose actions are its methods."""
    kind = _host_type(name)
    node = _field(24, _field(2, _field(1, identity_of(name))) + _field(3, b""))
    return _field(5, _nodes(1, [kind, node]) + _tagged_number(2, 1))


def read_members(completed: Completed, names: Sequence[tuple[str, str]]) -> Members:
    """Read which identities the worker has given to members, which it lists in this order.

    Raises:
        MalformedMessage: it lists no such members.
    """
    values = completed.values
    try:
        nodes = [dict(_fields(node)) for tag, node in _fields(values.nodes) if tag == 2]
        listed = _numbers(dict(_fields(nodes[values.roots[0]][11])).get(1, b""))
        found = [dict(_fields(nodes[place][24])) for place in listed]
        owners = [dict(_fields(nodes[part.get(1, 0)][23])) for part in found]
        read: dict[str, dict[str, tuple[str, str]]] = {}
        for (kind, name), owner, part in zip(names, owners, found, strict=True):
            identities = _identity(owner[2]).hex(), _identity(part[2]).hex()
            read.setdefault(kind, {})[name] = identities
        return read
    except (IndexError, KeyError, TypeError, AttributeError, ValueError):
        raise MalformedMessage from None


UNDEFINED = b"*\x02\x1a\x00"
"""Answers that there is no such name."""
DUMP = b":\x00"
RESET = b"J\x00"


def load(state: bytes) -> bytes:
    """Ask to go on from a state."""
    return _field(8, _field(1, state))


class _Writer:
    """Adds values to nodes, their parts first."""

    def __init__(self, types: TypeNames, nodes: list[bytes]) -> None:
        self._types = types
        self._nodes = nodes

    def write(self, value: Any) -> int:
        """Add a value; return its place."""
        return self._add(self._node(value))

    def type(self, known: PlanType) -> int:
        """Add a type; return its place."""
        if known.form == "enum":
            owner, _ = next(iter(self._types.members[known.name].values()))
            return self._add(_type(known.name, bytes.fromhex(owner), _SANDBOX))
        constants = known.members if known.form == "constants" else {}
        return self._add(_host_type(known.name, self._pairs(constants)))

    def _add(self, node: bytes) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _node(self, value: Any) -> bytes:  # noqa: PLR0911 - one for each kind
        match value:
            case str():
                return _field(8, value.encode())
            case None:
                return _field(2, b"")
            case bool():
                return _tagged_number(4, value)
            case int() if -(2**63) <= value < 2**63:
                return _tagged_number(5, (value << 1) ^ (value >> 63))
            case int():
                magnitude = abs(value).to_bytes(abs(value).bit_length() // 8 + 1, "big")
                return _field(6, _tagged_number(1, value < 0) + _field(2, magnitude.lstrip(b"\0")))
            case float():
                return b"9" + struct.pack("<d", value)
            case list() | tuple() | set() | frozenset():
                return _field(_COLLECTIONS[type(value)], _field(1, self._places(value)))
            case dict():
                return _field(14, self._pairs(value))
        return self._typed(value)

    def _typed(self, value: Any) -> bytes:
        match value:
            case Instance() if value.type in self._types.tuples:
                names = b"".join([_field(2, name.encode()) for name in value.fields])
                places = self._places(value.fields.values())
                return _field(13, _field(1, value.type.encode()) + names + _field(3, places))
            case Instance():
                fields = self._pairs(value.fields)
                kind = self._add(_host_type(value.type))
                identity = _field(2, _field(1, uuid4().bytes))
                return _field(24, _tagged_number(1, kind) + identity + _field(3, fields))
            case Member():
                owner, identity = map(bytes.fromhex, self._types.members[value.type][value.name])
                kind = self._add(_type(value.type, owner, _SANDBOX))
                member = _field(2, _field(1, identity)) + _field(3, b"")
                return _field(24, _tagged_number(1, kind) + member)
            case date() | time() | timedelta():
                return _date(value)
        raise TypeError(f"a value of the type {type(value).__name__}")

    def _places(self, values: Iterable[Any]) -> bytes:
        return b"".join([_varint(self.write(part)) for part in values])

    def _pairs(self, values: Mapping[Any, Any]) -> bytes:
        pairs = [(self.write(key), self.write(part)) for key, part in values.items()]
        written = [_tagged_number(1, key) + _tagged_number(2, part) for key, part in pairs]
        return b"".join([_field(1, pair) for pair in written])


def identity_of(name: str) -> bytes:
    """Return the identity that a type of the robot's has for workers."""
    return UUID(bytes=hashlib.blake2b(name.encode(), digest_size=16).digest(), version=4).bytes


def _host_type(name: str, constants: bytes = b"") -> bytes:
    return _type(name, identity_of(name), _HOST, _field(5, constants) if constants else b"")


def _type(name: str, identity: bytes, origin: int, rest: bytes = b"") -> bytes:
    known = _field(1, name.encode()) + _field(2, _field(1, identity))
    return _field(23, known + _tagged_number(3, origin) + _tagged_number(4, 1) + rest)


def _date(value: date | time | timedelta) -> bytes:
    if isinstance(value, timedelta):
        return _field(20, _numbered(value.days, value.seconds, value.microseconds))
    day = (value.year, value.month, value.day) if isinstance(value, date) else ()
    if isinstance(value, date) and not isinstance(value, datetime):
        return _field(17, _numbered(*day))
    offset = value.utcoffset()
    clock = (value.hour, value.minute, value.second, value.microsecond)
    zone = () if offset is None else (round(offset.total_seconds()),)
    return _field(19 if day else 18, _numbered(*day, *clock, *zone))


def _numbered(*numbers: int) -> bytes:
    """Write numbers as the first fields of a message."""
    return b"".join([_tagged_number(i, n % 2**64) for i, n in enumerate(numbers, start=1)])


_COLLECTIONS = {list: 11, tuple: 12, set: 15, frozenset: 16}


def _nodes(tag: int, nodes: Sequence[bytes]) -> bytes:
    return _field(tag, _tagged_number(1, len(nodes)) + b"".join([_field(2, n) for n in nodes]))


def _field(tag: int, content: bytes) -> bytes:
    if tag < 16 and len(content) < 128:
        return _BYTES[tag << 3 | 2] + _BYTES[len(content)] + content
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _tagged_number(tag: int, number: int) -> bytes:
    if tag < 16 and number < 128:
        return _BYTES[tag << 3] + _BYTES[number]
    return _varint(tag << 3) + _varint(number)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 128:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


_BYTES = [bytes([number]) for number in range(128)]


# What a worker says


@dataclass(frozen=True, slots=True)
class _Other:
    """Stands for a value that is no plain data."""

    kind: str
    name: str = ""
    """Of a class."""


class _Reader:
    """Reads nodes, of which each has only earlier ones as parts."""

    def __init__(self, nodes: bytes, types: Mapping[str, PlanType]) -> None:
        self._types = types
        self._values: list[Any] = []
        self._costs: list[int] = []
        self._depths: list[int] = []
        self._keys = 0
        """How many of them are keys or set members that are not text."""
        fields = _fields(nodes)
        if len(fields) == _MOST_FIELDS:
            raise ValueError(_TOO_LARGE)
        for tag, node in fields:
            if tag == 2:
                for kind, content in _fields(node):
                    self._add(kind, content)

    def take(self, roots: Sequence[int]) -> list[Any]:
        """Return values, which together must not be too large."""
        self._parts(roots, len(roots))
        return [self._values[root] for root in roots]

    def _add(self, kind: int, content: Any) -> None:
        cost = depth = 0
        value: Any
        match kind:
            case 8 | 30:
                value = _text(content)
                cost = len(value)
            case 5:
                value = (content >> 1) ^ -(content & 1)
            case 2:
                value = None
            case 4:
                value = bool(content)
            case 7:
                (value,) = struct.unpack("<d", content)
            case 6:
                value = _integer(content)
            case 9:
                value, cost = content, len(content)
            case 11 | 12 | 13 | 15 | 16:
                parts = _numbers(dict(_fields(content)).get(3 if kind == 13 else 1, b""))
                cost, depth = self._parts(parts, len(parts))
                value = self._collection(kind, parts)
                value = self._named(content, value) if kind == 13 else value
            case 24 if (owner := self._owner(content)) in self._types:
                keys, items = _pairs(dict(_fields(content)).get(3, b""))
                cost, depth = self._parts([*keys, *items], len(keys))
                value = self._instance(owner, keys, items)
            case 14:
                keys, items = _pairs(content)
                cost, depth = self._parts([*keys, *items], len(keys))
                names = self._hashed(keys)
                value = dict(zip(names, (self._values[item] for item in items), strict=True))
            case _:
                value = self._other(kind, content)
        self._values.append(value)
        self._costs.append(cost)
        self._depths.append(depth)

    def _parts(self, parts: Sequence[int], items: int) -> tuple[int, int]:
        """Return the size and the depth of a collection of parts."""
        cost, depth = _ITEM * items, 0
        for part in parts:
            cost += self._costs[part]
            depth = max(depth, self._depths[part])
            if isinstance(self._values[part], _Other):
                raise TypeError(
                    f"a value of the type {self._values[part].kind} cannot be given to an action; "
                    "give it text, numbers, lists or dictionaries"
                )
        if cost > MAX_CHARACTERS:
            raise ValueError(_TOO_LARGE)
        if depth >= MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        return cost, depth + 1

    def _collection(self, kind: int, parts: Sequence[int]) -> Any:
        match kind:
            case 11:
                return [self._values[part] for part in parts]
            case 12 | 13:
                return tuple([self._values[part] for part in parts])
        return (set if kind == 15 else frozenset)(self._hashed(parts))

    def _named(self, content: bytes, values: tuple[Any, ...]) -> Any:
        """Take a named tuple for an instance where it is of a known type."""
        fields = _fields(content)
        name = _text(dict(fields).get(1, b""))
        names = [_text(field) for tag, field in fields if tag == 2]
        known = name in self._types and len(names) == len(values)
        return Instance(name, dict(zip(names, values, strict=True))) if known else values

    def _owner(self, content: bytes) -> str:
        owner = self._values[dict(_fields(content)).get(1, 0)]
        return owner.name if isinstance(owner, _Other) else ""

    def _instance(self, owner: str, keys: Sequence[int], items: Sequence[int]) -> Any:
        fields = {str(self._values[k]): self._values[i] for k, i in zip(keys, items, strict=True)}
        known, name, value = self._types[owner], fields.get("name"), fields.get("value")
        if known.form != "enum":
            return Instance(owner, fields)
        return Member(owner, str(name), value) if name in list(known.members) else value

    def _hashed(self, parts: Sequence[int]) -> list[Any]:
        """Bound what can be made to have one hash: the time of these grows with their square."""
        keys = [self._values[part] for part in parts]
        self._keys += sum(not isinstance(key, str) for key in keys)
        if self._keys > MAX_KEYS:
            raise ValueError(_TOO_MANY_KEYS)
        return keys

    def _other(self, kind: int, content: Any) -> Any:
        match kind:
            case 17 | 18 | 19 | 20:
                return _read_date(kind, dict(_fields(content)))
            case 23:
                return _Other("type", _text(dict(_fields(content))[1]))
            case 24:
                owner = self._values[dict(_fields(content)).get(1, 0)]
                return _Other(owner.name or owner.kind)
            case 22:
                return _Other(_text(dict(_fields(content))[1]).rpartition(".")[2])
            case 29:
                return _Other(_text(content).strip("<").partition(" ")[0])
        return _Other(_OTHER_KINDS.get(kind, "object"))


def _pairs(content: bytes) -> tuple[list[int], list[int]]:
    """Read the places of keys and of their values."""
    pairs = [dict(_fields(pair)) for _, pair in _fields(content)]
    return [pair.get(1, 0) for pair in pairs], [pair.get(2, 0) for pair in pairs]


def _read_date(kind: int, fields: Mapping[int, int]) -> date | time | timedelta:
    numbers = [_signed(fields.get(i, 0)) for i in range(1, 9)]
    try:
        if kind == 20:
            return timedelta(*numbers[:3])
        if kind == 17:
            return date(*numbers[:3])
        parts = 7 if kind == 19 else 4
        zone = timezone(timedelta(seconds=numbers[parts])) if parts + 1 in fields else None
        made: Any = datetime if kind == 19 else time
        return made(*numbers[:parts], tzinfo=zone)  # type: ignore[no-any-return]
    except (ValueError, OverflowError):
        raise MalformedMessage from None


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _identity(content: bytes) -> bytes:
    return bytes(dict(_fields(content))[1])


def _integer(content: bytes) -> int:
    parts = dict(_fields(content))
    magnitude = parts.get(2, b"")
    if len(magnitude) > _MAX_INTEGER_BYTES:
        raise ValueError(_TOO_LARGE)
    number = int.from_bytes(magnitude, "big")
    return -number if parts.get(1) else number


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _numbers(content: bytes) -> list[int]:
    """Read numbers that stand one behind the other."""
    if not content or max(content) < 128:
        return list(content)
    found, at = [], 0
    while at < len(content):
        number, at = _number(content, at)
        found.append(number)
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; also returns where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _fields(message: bytes) -> list[tuple[int, Any]]:
    """Read the fields of a message: their tags, and a number or bytes for each.

    Of a message that was cut the last one is cut, too. Of more fields than a value may have parts
    the first are read.
    """
    fields: list[tuple[int, Any]] = []
    at, end = 0, len(message)
    while at < end and len(fields) < _MOST_FIELDS:
        key = message[at]
        at += 1
        if key >= 128:
            key, at = _number(message, at - 1)
        if key & 7 == 2:
            length = message[at]
            at += 1
            if length >= 128:
                length, at = _number(message, at - 1)
            content: Any = message[at : at + length]
            at += length
        elif key & 7 == 0:
            content = message[at]
            at += 1
            if content >= 128:
                content, at = _number(message, at - 1)
        elif key & 7 == 1:
            content = message[at : at + 8]
            at += 8
        else:
            raise MalformedMessage
        fields.append((key >> 3, content))
    return fields
