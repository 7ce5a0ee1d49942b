"""Tasks that one look at the page solves: buttons, boxes, fields, shapes."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from embodied_controllers.experts.browser_page import Element, Page
from embodied_controllers.experts.browser_script import Plans, acts, click, do, refs, submit, table

_SAME_COLOR = {"cyan": "aqua", "fuchsia": "magenta", "gray": "grey"}
_WIDGETS = {"text": "input", "textarea": "textarea"}
_SHAPES = {"rect": "rectangle", "polygon": "triangle", "circle": "circle"}
_LARGE_PIXELS = 15


def _button(page: Page, name: str) -> Plans:
    return acts(f"I click on {name}.", *click(page.one("button", name).ref))


def _only_button(page: Page) -> Plans:
    return acts("There is one button.", *click(page.one("button").ref))


def _sequence(page: Page, first: str, second: str) -> Plans:
    both = [page.one("button", name).ref for name in (first, second)]
    return acts("I click on both, in this order.", *click(*both))


def _close(page: Page) -> Plans:
    return acts("The x closes the dialog.", *click(page.one("button", "Close").ref))


def _dialog(page: Page, name: str) -> Plans:
    return _button(page, "Close" if name == "x" else name)


def _boxes(page: Page, names: str) -> Plans:
    wanted = [] if names == "nothing" else names.split(", ")
    boxes = [e for e in page.elements if e.kind in ("checkbox", "radio") and e.text in wanted]
    return acts(f"I select {names} and submit.", *click(*refs(boxes)), submit(page))


def _options(page: Page, names: str) -> Plans:
    field = page.one("select")
    wanted = names.split(", ") if "multiple" in field.state else [names]
    calls = [f"select({field.ref}, {name!r})" for name in wanted]
    return acts(f"I select {names} and submit.", *calls, submit(page))


def _colored(page: Page, color: str) -> Plans:
    name = _SAME_COLOR.get(color, color)
    box = next(element for element in page.elements if element.color == name)
    return acts(f"I click on the {color} one.", *click(box.ref))


def _link(page: Page, name: str) -> Plans:
    return acts(f"I click on {name}.", *click(page.named(name).ref))


def _widget(page: Page, kind: str) -> Plans:
    return acts(f"I click on a {kind}.", *click(page.one(_WIDGETS.get(kind, kind)).ref))


def _focus(page: Page, number: str = "1") -> Plans:
    field = page.every("input")[int(number) - 1]
    return acts("A click gives the focus.", *click(field.ref))


def _shades(page: Page, color: str) -> Plans:
    shades = [e for e in page.every("span") if _hue(e.color) == color]
    return acts(f"I select all that look {color}.", *click(*refs(shades)), submit(page))


def _hue(color: str) -> str:
    """Return which of red, green and blue a colour has most of."""
    if not color.startswith("#"):
        return color
    parts = {
        name: int(color[at : at + 2], 16) for name, at in (("red", 1), ("green", 3), ("blue", 5))
    }
    return max(parts, key=lambda name: parts[name])


def _shape(page: Page, description: str) -> Plans:
    return acts(f"I click on a {description}.", *click(_described(page, description)[0].ref))


def _count(page: Page, description: str) -> Plans:
    count = len(_described(page, description))
    return _button(page, str(count))


def _described(page: Page, description: str) -> list[Element]:
    """Find the shapes that fit a description such as `large red digit`."""
    shapes = [e for e in page.elements if e.is_a("text") or e.kind in _SHAPES]
    return [e for e in shapes if all(_fits(e, word) for word in description.split())]


def _fits(shape: Element, word: str) -> bool:
    names: tuple[Callable[[], bool], ...] = (
        lambda: word == "item",
        lambda: word == ("large" if shape.box[3] > _LARGE_PIXELS else "small"),
        lambda: word == shape.color,
        lambda: word == _SHAPES.get(shape.kind, shape.text),
        lambda: word == "shape" and shape.kind in _SHAPES,
        lambda: word == "digit" and shape.text.isdigit(),
        lambda: word == "letter" and shape.text.isalpha(),
    )
    return any(test() for test in names)


def _grid(page: Page, x: str, y: str) -> Plans:
    """Click on a point of the grid: evenly spaced, the origin in the middle, y growing upwards."""
    points = page.every("circle")
    columns = sorted({point.box[0] for point in points})
    rows = sorted({point.box[1] for point in points}, reverse=True)
    place = columns[int(x) + len(columns) // 2], rows[int(y) + len(rows) // 2]
    point = next(point for point in points if point.box[:2] == place)
    return acts(f"The point {x},{y} is at {place[0]},{place[1]}.", *click(point.ref))


def _text(page: Page, text: str) -> Plans:
    return _fill(page, text)


def _password(page: Page, text: str) -> Plans:
    return _fill(page, text, text)


def _login(page: Page, user: str, password: str) -> Plans:
    return _fill(page, user, password)


def _date(page: Page, month: str, day: str, year: str) -> Plans:
    return _fill(page, f"{year}-{month}-{day}")


def _time(page: Page, hour: str, minute: str, half: str) -> Plans:
    return _fill(page, f"{int(hour) % 12 + (12 if half == 'PM' else 0):02}:{minute}")


def _algebra(page: Page) -> Plans:
    problem = page.one("div#math-problem").text
    return _fill(page, str(_solution(problem)))


def _solution(problem: str) -> Fraction:
    """Solve `a + x = b` and the like for x, which occurs once, so that two tries give the line."""

    def difference(x: int) -> Fraction:
        left, right = re.sub(r"\bx\b", str(x), problem).split("=")
        return _value(left) - _value(right)

    return difference(0) / (difference(0) - difference(1))


def _value(term: str) -> Fraction:
    numbers = re.findall(r"[-+*/]|\d+", term)
    total, sign = Fraction(0), 1
    for position, token in enumerate(numbers):
        if token.isdigit():
            before = numbers[position - 1] if position else "+"
            sign = -1 if before == "-" else 1
            total = total * int(token) if before == "*" else total + sign * int(token)
    return total


def _fill(page: Page, *texts: str) -> Plans:
    """Fill the fields in their order, and submit."""
    fields = page.every("input")
    calls = [f"type_text({f.ref}, {text!r})" for f, text in zip(fields, texts, strict=False)]
    return acts("I fill in the form.", *calls, submit(page))


def _spinner(page: Page, number: str) -> Plans:
    field, up, down = page.one("input"), *page.one("span").below[1:]
    start = int(re.findall(r'value="(-?\d+)"', field.state)[0])
    steps = int(number) - start
    arrow = up if steps > 0 else down
    loop = f"for _ in range({abs(steps)}):\n    click({arrow.ref})"
    yield do(f"From {start} to {number} it takes {abs(steps)} clicks.", loop, submit(page))


FORMS = table(
    (r"Click on the \"(.+)\" button\.", _button),
    (r"Click the button\.", _only_button),
    (r"Click button (\w+)\.", _button),
    (r"Click button (\w+), then click button (\w+)\.", _sequence),
    (r"Close the dialog box by clicking the \"x\"\.", _close),
    (r"Click the button in the dialog box labeled \"(.+)\"\.", _dialog),
    (r"Select (.+) from the (?:scroll )?list and click Submit\.", _options),
    (r"Select all the shades of (\w+) and press Submit\.", _shades),
    (r"Select (\S+) with the spinner and hit Submit\.", _spinner),
    (r"Select (?!words similar)(.+) and click Submit\.", _boxes),
    (r"Click on the (\w+) colored box\.", _colored),
    (r"Click on the link \"(.+)\"\.", _link),
    (r"Click on Tab #(\d+)\.", lambda page, number: _link(page, f"Tab #{number}")),
    (r"Click on a \"(\w+)\" widget\.", _widget),
    (r"Click on a (.+)", _shape),
    (r"How many (.+)s are there\?.*", _count),
    (r"Click on the grid coordinate \((-?\d+),(-?\d+)\)\.", _grid),
    (r"Focus into the textbox\.", _focus),
    (r"Focus into the (\d+)\w+ input textbox\.", _focus),
    (r"Enter the username \"(.+)\" and the password \"(.+)\" into .*", _login),
    (r"Enter the password \"(.+)\" into both text fields .*", _password),
    (r"Enter \"(.+)\" into the text field and press Submit\.", _text),
    (r"Enter (\d+)/(\d+)/(\d+) as the date and hit submit\.", _date),
    (r"Enter (\d+):(\d+) (AM|PM) as the time and press submit\.", _time),
    (r"Solve for x and type your answer .*", _algebra),
)
