"""Plans as models write them, drawn at random, and what CPython makes of each."""

from __future__ import annotations

import contextlib
import io
import random
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from embodied import Controller, action

WORLD = {
    "start": "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking "
    "quickly around you, you see a bed 1, a desk 2, a desk 1, a drawer 3, and a safe 1.\n\nYour "
    "task is to: put two keychain in safe.\n",
    "bed 1": "You arrive at bed 1. On the bed 1, you see a book 1, a pillow 2, and a cellphone 1.",
    "desk 1": "On the desk 1, you see a alarmclock 1, a keychain 2, and a mug 10.\n",
    "desk 2": "You arrive at desk 2. On the desk 2, you see nothing.",
    "drawer 3": "The drawer 3 is closed.",
    "safe 1": "You open the safe 1. The safe 1 is open. In it, you see a key 1.\n",
    "shop": "Prices: mug $3.50, pen $0.99, naïve lamp €12,000 — total: 1_250.75!\r\nDone\n\n",
}
"""What a robot sees, by the place; some texts end with a line break, as simulators' do."""


class Household(Controller):
    """Goes from place to place and looks."""

    introduction = ""

    @action
    def goto(self, place: str) -> str:
        """Go to a place. Unknown places are an error."""
        if place not in WORLD:
            raise ValueError(f"there is no {place!r}")
        return WORLD[place]

    @action
    def look(self) -> str:
        """Look around."""
        return WORLD["start"]

    @action
    def objects(self, place: str) -> list[str]:
        """List what lies at a place."""
        seen = WORLD.get(place, "").partition("you see ")[2].strip(".\n")
        return [part.removeprefix("and ").removeprefix("a ") for part in seen.split(", ") if part]

    @action
    def weight(self, thing: str) -> float:
        """Weigh a thing, in kilograms."""
        return len(thing) * 0.375


@dataclass
class Result:
    """What a plan did."""

    stdout: str
    calls: list[tuple[str, tuple[Any, ...]]]
    error: str | None
    line: int | None


def of_cpython(code: str, robot: Controller) -> Result:
    """Run a plan in this process."""
    calls: list[tuple[str, tuple[Any, ...]]] = []

    def call(name: str, *args: Any) -> Any:
        calls.append((name, args))
        return robot.call(name, args)

    names: dict[str, Any] = {name: partial(call, name) for name in robot.actions()}
    names["__name__"] = "__main__"
    printed, error, line = io.StringIO(), None, None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, "<plan>", "exec"), names)
        except Exception as raised:
            error = type(raised).__name__
            trace = raised.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == "<plan>":
                    line = trace.tb_lineno
                trace = trace.tb_next
    return Result(printed.getvalue(), calls, error, line)


PATTERNS = r"""
you see (.+)\.$
you see (.+)\.
[Yy]ou see (?:a |an )?(\w+ \d+)
(\w+) (\d+)
\d+
a (\w+) (\d+)
(?P<name>[a-z]+) (?P<number>\d+)
\bdesk \d\b
^You .*
(?m)^(.+)$
(?i)YOU SEE (.*?)[.,]
[^,.\n]+
\s+
,\s*(?:and )?
\$(\d+\.\d\d)
\w+$
\S+\Z
[\d,.]+
(?<=see )a (\w+)
mug(?! 1\b)
(?:(mug)|(key)\w*) \d+
[A-Z][a-z]+
.+
\W
[\w-]+:
open|closed
(?s)you.*see
no such thing
\d{1,2}(?!\d)
[a-z&&[^b]]
(\w+) is (open|closed)\.$
(?:(a)|(b)|o)+
[é-ü€]|\W{2}
""".strip().split("\n")
_ODD = r"\Z (\w)\1 x* (a|b)?c? .* \b (?=a) (?>a)b a||b $"
ODD = _ODD.split(" ")
"""What is refused for some uses."""
_SPECS = ">8 <6 ^9 .2 s d 5d 03 .1f .2f 8.3f e g , % x +"
SPECS = ["", *_SPECS.split()]

GRAMMAR = {
    "place": "'bed 1'|'desk 1'|'desk 2'|'safe 1'|'shop'|places[0]|'nowhere'",
    "var": "seen|t",
    "text": "<var>|<var>|<var>.lower()|<var>.strip()|<var>.split('\\n')[0]|<var>.replace('a ', '')|"
    "<var>[<small>:]|<var>.partition('you see ')[2]|<var>.title()|goto(<place>)|look()|"
    "str(<number>)|"
    "', '.join(map(str, <list>))|<var>.upper()[:20]|repr(<var>)|<var>.rstrip('.\\n')|"
    "'%s¦%5.1f' % (<list>, <number>)|'{} {!r}'.format(<number>, <var>)|json.dumps(<list>)",
    "small": "-3|-1|0|1|2|5",
    "value": "0.5|2.5|2.675|1.005|7|10|1e3|0.1|-3|True|n",
    "number": "n|<value>|len(<list>)|round(<value> * n, <digits>)|round(<value>)|n / <value>|"
    "n // 2|"
    "<value> % 3|int(<value>)|<var>.count('a')|<var>.find('see')|weight(<text>)|max(n, <value>)|"
    "abs(<value> - n)|sum([<value>, n, 0.2])|float('<small>.125')|n * 2|min(map(len, places))",
    "digits": "0|1|2|3|-1",
    "list": "xs|places|sorted(xs, key=str)|<var>.split(', ')|<var>.split()|<var>.splitlines()|"
    "[x for x in <list> if <test>]|[len(str(x)) for x in <list>]|list(range(6))|list(map(str, xs))|"
    "list(filter(None, <list>))|<list>[::-1]|<list>[:<small>]|list(zip(<list>, range(9)))|"
    "list(enumerate(<list>, 1))|objects(<place>)|re.findall(<pattern>, <var>)|"
    "re.split(<pattern>, <var>)|[m.group() for m in re.finditer(<pattern>, <var>)]|"
    "sorted(set(map(str, <list>)))|[goto(p) for p in places[:<small>]]|"
    "list(places for _ in range(2))|"
    "list(Counter(map(str, <list>)).items())|<list> + [<number>]|[*<list>, <text>]|"
    "list(dict.fromkeys(map(str, <list>)))|[w.strip(' .') for w in <var>.split(',')]|"
    "list(itertools.chain(<list>, 'ab'))|list(itertools.islice(<list>, 2))|"
    "json.loads(json.dumps(<list>))|sorted(<list>, key=lambda x: (len(str(x)), str(x)))",
    "test": "str(x)|'a' in str(x)|len(str(x)) > 4|x != places[0]|str(x).startswith(('d', 'b'))|"
    "x is not None|not str(x).isdigit()|any(c.isdigit() for c in str(x))|"
    "re.search(<pattern>, str(x))",
    "key": "1|1.0|True|'a'|x|(<number>)|str(x)|(1, 2)|(1.0, 2)",
    "template": "'-'|r'<\\1>'|''|'\\n'|lambda m: m.group().upper()|r'\\g<0>!'",
    "flags": "||, flags=re.IGNORECASE|, flags=re.M|, flags=re.S + re.I|, flags=re.VERBOSE",
    "any": "<text>|<list>|<number>|None|x",
    "caught": "Exception|ValueError|(TypeError, KeyError)|IndexError|AttributeError",
    "found": "m.group()|m.groups()|m.span()|m[0]|m.start(), m.end()|m.group(0)|m.groupdict()|"
    "m.groups('-')|m.group(1)|m.lastindex|m.string[m.end():]|m.expand('x')",
    "method": "search|match|fullmatch",
}
"""What stands for the names in angle brackets, alternatives between bars (¦ is a bar)."""

LOOPS = """
for x in <list>:
for i, x in enumerate(xs):
for x, y in zip(xs, <list>):
for x in map(str, <list>):
for x in filter(lambda x: <test>, <list>):
for x in reversed(xs):
for x in sorted(<list>, key=str):
for x in range(3):
for x in map(lambda v: len(v), xs):
for x, y in dict(zip(places, range(9))).items():
if <test>:
if <number> > <number>:
if <text> == <text>:
while len(xs) < 3:
    xs.append(<any>)
with open(<place>) as x:
"""

STATEMENTS = r"""
t = (<text>)[:200]
xs = [v for v in (<list>)[:12] if len(str(v)) < 200]
n = <number>
print(<any>, <any>)
print(<text>, <number>, sep='|')
v = <any>; print(f'{v:<spec>}')
v = <any>; print('{:<spec>} {}'.format(v, x))
v = <any>; print(format(v, '<spec>'), f'{v!r:>12}')
print(*<list>, sep=', ', end='.\n')
m = re.<method>(<pattern>, <text>); print(m is None, m and (<found>))
m = re.<method>(<pattern>, <var>); print(m and (<found>))
print(re.findall(<pattern>, <var><flags>))
print(re.sub(<pattern>, <template>, <var><flags>))
print(re.sub(<pattern>, <template>, <var>, count=1))
print(re.split(<pattern>, <var><flags>))
p = re.compile(<pattern>); m = p.search(<var>); print(p.findall(<var>), m and m.span())
p = 'desk \\d'; print(re.findall(p, <var><flags>))
print(re.escape(<var>[:15]))
print([m.span() for m in re.finditer(<pattern>, <var><flags>)])
print([t for t in places if re.search(<pattern>, t<flags>)])
d = {<key>: 1, <key>: 2}; d[<key>] = 3; print(d)
c = Counter(<text>); print(c.most_common(3), c['q'])
d = {x: <number> for x in <list>}; print(d)
d = dict(zip(<list>, range(9))); print(sorted(d.items(), key=str), d.get(<key>))
d = {'a': <number>}; d.update(b=2); print(json.dumps(d, indent=1, sort_keys=True))
d = {p: len(p) for p in places}; print(max(d, key=d.get), min(d.values()), sum(d.values()))
d = {}; d[<key>] = d.get(<key>, 0) + <number>; print(d, <key> in d)
d = {1: 'a'}; d[<number>] = 'b'; del d[1]; print(d)
q = deque(<list>, maxlen=3); q.append(1); print(q, q.popleft())
print(json.dumps([<number>, None, <text>]))
d = {**{'a': 1}, 'b': <number>}; print(d, d.pop('a'), d.pop('z', None))
print({k: v for v, k in enumerate(<list>)})
print(any('key' in goto(p) for p in places), all(<test> for x in places))
print(next((p for p in places if 'mug' in goto(p)), None))
print(sum(weight(str(v)) for v in <list>))
print(max(<list>, key=lambda v: len(str(v))))
a, *b = <list> or [0]; print(a, b)
m = map(str.upper, places); print(next(m), list(m))
it = iter(<list>); print(next(it, None), list(it))
xs[0:1] = [7, 8]; del xs[-1]; print(xs, <text> in xs)
print(math.floor(<number>), math.sqrt(abs(<number>)), math.ceil(<number>))
print((lambda v: v)(<text>), [y := <number>, y])
print(<text> < <text>, <list> == <list>, not <number>)
print(type(<number>).__name__, isinstance(<text>, str), bool(<list>))
print('{} {:>4}'.format(x, 'a'), '%(a)s' % {'a': 1})
words = <text>.split(); words.sort(key=len); print(words[:4])
print(' '.join(w for w in <text>.split() if w.isalpha()))
print([(a, b) for a in <list> for b in 'xy'][:5])
assert <number> >= 0, 'negative'
print(int(<text>))
raise ValueError('stop here')
print(None + <number>)
print(<list>[<small>])
goto('nowhere')
ys = xs[:]; ys.append(<any>); ys.insert(0, <text>); print(ys)
x += <number>
"""

BLOCKS = r"""
def f(v, n=2, *rest, **named):
    return [v] * n, rest, named
print(f(<number>), f(x, 1, 3, k=4))
===
def visit(p):
    global x
    x = goto(p)
    return len(x)
print([visit(p) for p in places[:2]], x == <text>)
===
def find(word):
    for p in places:
        if word in goto(p):
            return p
    return None
print(find('key'), find('zebra'))
===
class Shelf:
    def __init__(self, name):
        self.name = name
        self.items = objects(name)
    def __repr__(self):
        return f'Shelf({self.name!r}, {self.items})'
print([Shelf(p) for p in places[:2]])
===
from dataclasses import dataclass, field
@dataclass
class Item:
    name: str
    tags: list = field(default_factory=list)
i = Item('mug')
i.tags.append(<number>)
print(i, i == Item('mug', [1]))
===
count = 0
while count < 3:
    count += 1
    if count == 2:
        continue
    print(count, <text>)
else:
    print('done')
===
ys = <list>
for i, y in enumerate(ys):
    if i < 3:
        ys.append(y)
print(ys)
===
found = {}
for x in <list>:
    found[x if isinstance(x, str) else 1] = x
print(found)
===
groups = defaultdict(list)
for x in <list>:
    groups[len(str(x))].append(x)
print(dict(groups))
===
visited = set()
for p in filter(lambda p: p not in visited, places * 2):
    visited.add(p)
    print(p, len(goto(p)))
===
match <list>:
    case [first, *_]:
        print('first', first)
    case _:
        print('empty')
===
def fib(k):
    return k if k < 2 else fib(k - 1) + fib(k - 2)
print(fib(9), <number>)
===
def counter():
    total = 0
    def add(k):
        nonlocal total
        total += k
        return total
    return add
add = counter()
print(add(1), add(<number>))
"""


BEYOND = r"""
for x in (goto(p) for p in places):
    print(x)
===
for x in map(goto, places):
    print(x)
===
for x in filter(lambda p: "mug" in goto(p), places):
    print(x)
===
for x, y in zip(places, map(goto, places)):
    print(x)
===
for i, x in enumerate(goto(p) for p in places[:2]):
    print(x)
===
print(re.escape(<var>[:15]), re.subn('a', 'b', <var>))
===
d = dict(zip(places, map(goto, places)))
print(d)
===
print(json.dumps({'a': {1, 2}}, default=sorted))
===
print(sorted(places, key=lambda p: len(goto(p))))
===
from collections import OrderedDict
print(OrderedDict(a=<number>))
===
import statistics
print(statistics.mean([1, 2]))
===
print(hasattr(<text>, 'upper'), callable(print))
===
print(undefined_name)
===
import numpy as np
print(np.mean(<list>))
===
global_names = sorted(globals())
===
def each():
    for p in places[:2]:
        yield goto(p)
for s in each():
    print(s)
===
class NotFound(Exception):
    pass
try:
    raise NotFound('mug')
except NotFound as e:
    print(e)
"""
"""What only the full interpreter runs."""


def draw(seed: int) -> str:
    """Draw a plan."""
    return _Draw(random.Random(seed)).plan()


@dataclass
class _Draw:
    random: random.Random

    def plan(self) -> str:
        lines = ["import re, json, math, itertools"]
        lines += ["from collections import Counter, defaultdict, deque"]
        lines += ["places = ['bed 1', 'desk 1', 'safe 1', 'drawer 3', 'shop']", "n = 3"]
        lines += ["seen = t = look()", "xs = places[:2]", "x = 1"]
        for _ in range(self.random.randint(2, 7)):
            lines += self.part(0)
        return "\n".join(lines)

    def part(self, depth: int) -> list[str]:
        """Draw a statement with what is in it."""
        kind = self.random.random()
        if kind < 0.25 and depth < 3:
            head = self.filled(self.of(LOOPS))
            loops = head.startswith("for") and self.random.random() < 0.1
            extra = ["    break"] if loops or head.startswith("while") else []
            return [head, *self.body(depth), *extra]
        if kind < 0.35 and depth < 3:
            handler = self.filled("except <caught> as e:")
            return ["try:", *self.body(depth), handler, "    print(type(e).__name__)"]
        if kind < 0.5 and depth < 1:
            table = BEYOND if self.random.random() < 0.05 else BLOCKS
            blocks = table.strip("\n").split("\n===\n")
            return self.filled(self.random.choice(blocks)).split("\n")
        return [self.filled(self.of(STATEMENTS))]

    def body(self, depth: int) -> list[str]:
        parts = [self.part(depth + 1) for _ in range(self.random.randint(1, 2))]
        return [f"    {line}" for part in parts for line in part]

    def of(self, table: str) -> str:
        rows = [row for row in table.strip("\n").split("\n") if not row.startswith(" ")]
        return self.random.choice(rows)

    def filled(self, text: str, depth: int = 0) -> str:
        """Replace the names in angle brackets by what may stand there."""

        def choose(found: re.Match[str]) -> str:
            if found[1] == "pattern":
                odd = self.random.random() < 0.08
                return f'r"""{self.random.choice(ODD if odd else PATTERNS)}"""'
            if found[1] == "spec":
                return self.random.choice(SPECS)
            options = GRAMMAR[found[1]].split("|")
            chosen = options[0] if depth > 4 else self.random.choice(options)
            return self.filled(chosen, depth + 1)

        return re.sub("<([a-z]+)>", choose, text).replace("¦", "|")
