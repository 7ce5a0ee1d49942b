"""What of CPython's names Monty has with the same meaning: modules, built-in functions, methods.

Monty ships more than stands here. What is left out means something else there, or was never
compared with CPython. `tests/interpreter/test_subset.py` holds these tables against both.
"""

from __future__ import annotations

import builtins
import importlib
import re
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from functools import cache
from importlib.util import find_spec

MODULES: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "asyncio": "gather run",
        "base64": "b16decode b16encode b32decode b32encode b64decode b64encode b85decode b85encode "
        "standard_b64decode standard_b64encode urlsafe_b64decode urlsafe_b64encode",
        "binascii": "Error Incomplete crc32 hexlify unhexlify",
        "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
        "collections": "Counter defaultdict deque namedtuple",
        "copy": "copy deepcopy",
        "csv": "DictReader QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC reader",
        "dataclasses": "FrozenInstanceError dataclass field is_dataclass",
        "datetime": "date datetime time timedelta timezone",
        "decimal": "Decimal DivisionByZero InvalidOperation ROUND_CEILING ROUND_DOWN ROUND_FLOOR "
        "ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP getcontext",
        "functools": "cache lru_cache partial reduce",
        "hashlib": "blake2b blake2s md5 sha1 sha224 sha256 sha384 sha512",
        "itertools": "accumulate chain combinations combinations_with_replacement compress count "
        "cycle dropwhile filterfalse groupby islice pairwise permutations product repeat starmap "
        "takewhile tee zip_longest",
        "json": "JSONDecodeError dumps loads",
        "math": "acos acosh asin asinh atan atan2 atanh ceil comb copysign cos cosh degrees dist e "
        "exp exp2 expm1 fabs factorial floor fmod frexp fsum gcd hypot inf isclose isfinite isinf "
        "isnan isqrt lcm ldexp log log10 log1p log2 modf nan nextafter perm pi pow prod radians "
        "remainder sin sinh sqrt tan tanh tau trunc ulp",
        "os": "path sep",
        "os.path": "basename commonprefix dirname isabs join normpath split splitext",
        "posixpath": "basename commonprefix dirname isabs join normpath split splitext",
        "random": "Random betavariate choice choices expovariate gammavariate gauss getrandbits "
        "lognormvariate normalvariate paretovariate randint random randrange sample seed shuffle "
        "triangular uniform vonmisesvariate weibullvariate",
        "re": "DOTALL I IGNORECASE M MULTILINE Match NOFLAG Pattern S U UNICODE VERBOSE X compile "
        "error escape findall finditer fullmatch match search split sub",
        "sys": "float_info maxsize",
        "time": "monotonic monotonic_ns perf_counter perf_counter_ns process_time sleep time "
        "time_ns",
        "tomllib": "TOMLDecodeError load loads",
        "typing": "Annotated Any Callable ClassVar Dict Final FrozenSet Generator Generic Iterable "
        "Iterator List Literal Mapping Never NoReturn Optional Protocol Self Sequence Set "
        "TYPE_CHECKING Tuple Type TypeVar Union",
        "unicodedata": "category combining is_normalized lookup name normalize",
    }.items()
}
"""What code may take from each module."""

WITH_PATTERNS = {"compile": 1, "findall": 2, "finditer": 2, "fullmatch": 2, "match": 2}
WITH_PATTERNS |= {"search": 2, "split": 3, "sub": 4}
"""Functions of `re` that take a pattern, and the place of their flags."""
IMPORTABLE = frozenset(name for name in MODULES if "." not in name)
"""What code may import."""

_FUNCTIONS = (
    "abs all any bin bool bytes chr dict divmod enumerate exit filter float format frozenset hex "
    "id input int isinstance iter len list map max min next object oct open ord pow print quit "
    "range repr reversed round set setattr slice sorted str sum tuple type zip Ellipsis False None "
    "NotImplemented True"
)
_ERRORS = (
    "ArithmeticError AssertionError AttributeError BaseException EOFError Exception "
    "FileExistsError "
    "FileNotFoundError ImportError IndexError IsADirectoryError KeyError KeyboardInterrupt "
    "LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError "
    "OSError OverflowError PermissionError RecursionError RuntimeError StopIteration SyntaxError "
    "SystemExit TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError "
    "ValueError ZeroDivisionError"
)
ERRORS = frozenset(_ERRORS.split())
"""Exceptions that code may name."""
BUILTINS = frozenset(_FUNCTIONS.split()) | ERRORS
"""Built-in names that code may use."""

_METHODS = (
    "add append appendleft as_integer_ratio capitalize casefold center clear copy count decode "
    "difference discard encode end endswith expandtabs extend extendleft find findall finditer "
    "format fromkeys fullmatch get group groupdict groups hex index insert intersection isalnum "
    "isalpha isascii isdecimal isdigit isdisjoint isidentifier islower isnumeric isprintable "
    "isspace issubset issuperset istitle isupper items join keys ljust lower lstrip match maxlen "
    "most_common partition pop popitem popleft remove removeprefix removesuffix replace reverse "
    "rfind rindex rjust rotate rpartition rsplit rstrip search setdefault sort span split "
    "splitlines start startswith string strip sub subtract swapcase symmetric_difference title "
    "total union update upper values zfill args"
)
_TYPES: tuple[type, ...] = (str, bytes, list, tuple, dict, set, frozenset, int, float)
_TYPES += (
    complex,
    range,
    slice,
    BaseException,
    Counter,
    OrderedDict,
    ChainMap,
    defaultdict,
    deque,
    re.Match,
)
_TYPES += (re.Pattern, type(lambda: None))
_COMMON = "denominator flags imag indices numerator parents pos re real regs step stop"
LACKING = frozenset(name for kind in _TYPES for name in dir(kind) if not name.startswith("_"))
LACKING -= {*_METHODS.split(), *_COMMON.split()}
"""Attributes of built-in objects that Monty lacks, or means something else by; without those whose
names code gives to its own objects: reading one of these fails when it is reached."""
_CALLED = (
    "add append endswith extend get isdigit join lower lstrip pop remove replace rstrip setdefault "
    "split startswith strip update upper"
)
CALLED = frozenset(_CALLED.split())
"""Methods of built-in objects that can be called, but in Monty are no values."""

_UNARY = (1, 1, frozenset[str]())
_DUMPS = {"allow_nan", "ensure_ascii", "indent", "separators", "skipkeys", "sort_keys"}
SHAPES: dict[str, tuple[int, int, frozenset[str] | None]] = {
    "dataclass": (0, 1, frozenset({"eq", "frozen", "init", "repr"})),
    "difference": _UNARY,
    "dumps": (1, 1, frozenset(_DUMPS)),
    "groupdict": (0, 0, frozenset()),
    "groups": (0, 0, frozenset()),
    "intersection": _UNARY,
    "loads": _UNARY,
    "most_common": (0, 1, frozenset()),
    "pow": (2, 2, frozenset()),
    "print": (0, 1000, frozenset({"end", "flush", "sep"})),
    "union": _UNARY,
    "update": (0, 1, None),
}
"""Functions and methods that Monty has in part: least and most arguments by position, and those by
name, None for any."""


def lacks(module: str, name: str) -> bool:
    """Whether CPython's module has a name that code may not take from it here."""
    return module in MODULES and name not in MODULES[module] and _has(module, name)


def only_full_has(module: str) -> bool:
    """Whether the full interpreter has a module, by its whole name, that this one lacks."""
    return module not in MODULES and exists(module)


@cache
def exists(module: str) -> bool:
    """Whether CPython here has a module, by its whole name; parts of packages are believed."""
    top = module.partition(".")[0]
    try:
        return find_spec(module if top in MODULES else top) is not None
    except (ValueError, ImportError):
        return False


@cache
def _has(module: str, name: str) -> bool:
    return hasattr(importlib.import_module(module), name) or exists(f"{module}.{name}")


def is_builtin(name: str) -> bool:
    """Whether CPython has a built-in name."""
    return hasattr(builtins, name)
