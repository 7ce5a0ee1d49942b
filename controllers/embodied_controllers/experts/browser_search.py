"""Tasks that take some looking: tabs, menus, trees, result pages, posts, a terminal."""

from __future__ import annotations

import re

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts.browser_page import Element, Page
from embodied_controllers.experts.browser_script import Plans, acts, click, do, refs, submit, table

_RESULTS_ON_A_PAGE = 3
_OPEN_AND_LOOK = """\
import re

for part in {parts}:
    found = re.findall({pattern!r}, click(part))
    if found:
        print(click(int(found[0])))
        break
"""
_CLIMB = """\
import re

opened = []
page = see()
found = []
while not found:
    folders = [ref for ref in re.findall(r"\\[(\\d+)\\] span\\.folder", page) if ref not in opened]
    opened.append(folders[0])
    page = click(int(folders[0]))
    found = re.findall({pattern!r}, page)
print(click(int(found[0])))
"""


def _tabs(page: Page, name: str) -> Plans:
    return _open_one_by_one(page.every("a"), name)


def _sections(page: Page, name: str) -> Plans:
    return _open_one_by_one(page.every("h3"), name)


def _open_one_by_one(parts: list[Element], name: str) -> Plans:
    code = _OPEN_AND_LOOK.format(parts=refs(parts), pattern=_line(r"span\S*", name))
    yield ExpertStep(f"I open one after the other, until I see {name}.", code)


def _line(kind: str, text: str) -> str:
    """Return a pattern for the number of an element."""
    return rf'\[(\d+)\] {kind} "{re.escape(text)}"'


def _section(page: Page) -> Plans:
    header = page.one("h3")
    return acts("I open the section, then I submit.", f"click({header.ref})", submit(page))


def _menu(page: Page, path: str) -> Plans:
    *outer, last = path.split(">")
    for name in outer:
        printed = yield do(
            f"The mouse over {name} opens its part.", f"hover({page.named(name).ref})"
        )
        page = Page(printed)
    yield do(f"I click on {last}.", *click(page.named(last).ref))


def _tree(page: Page, name: str) -> Plans:
    found = [element for element in page.elements if element.text == name]
    if found:
        yield do(f"I see {name}.", *click(found[0].ref))
        return
    code = _CLIMB.format(pattern=_line(r"span\S*", name))
    yield ExpertStep(f"I open folder after folder, until I see {name}.", code)


def _results(page: Page, text: str, number: str) -> Plans:
    """Search for a text and open a result; `>` leads to further pages of results."""
    typed = f"type_text({page.one('input').ref}, {text!r})"
    page = Page((yield do(f"I search for {text}.", typed, f"click({page.one('button').ref})")))
    wanted, place = divmod(int(number) - 1, _RESULTS_ON_A_PAGE)
    for _ in range(wanted):
        forward = page.every("a", ">")[-1]
        page = Page((yield do("The result is further on.", *click(forward.ref))))
    results = page.one("div#page-content").below
    links = [element for element in results if element.is_a("a")]
    yield do(f"This is result {number}.", *click(links[place].ref))


def _post(page: Page, user: str, button: str) -> Plans:
    post = _posts(page, user)[0]
    icon = f"span.{button.lower()}"
    if any(element.is_a(icon) for element in post.below):
        yield do(f"The post has a button for {button}.", *click(post.first(icon).ref))
        return
    printed = yield do("I look what more there is.", *click(post.first("span.more").ref))
    items = Page(printed).every("li")
    item = next(i for i in items if i.text in (button, f"{button} {user}"))
    yield do(f"Here is {button}.", *click(item.ref))


def _all_posts(page: Page, button: str, user: str) -> Plans:
    return _some_posts(page, button, None, user)


def _some_posts(page: Page, button: str, count: str | None, user: str) -> Plans:
    posts = _posts(page, user)[: int(count) if count else None]
    icons = [post.first(f"span.{button.lower()}").ref for post in posts]
    return acts(f"I click on {button} {len(icons)} times.", *click(*icons), submit(page))


def _posts(page: Page, user: str) -> list[Element]:
    posts = page.every("div.media")
    return [post for post in posts if any(element.text == user for element in post.below)]


def _delete_file(page: Page, extension: str | None = None) -> Plans:
    line = page.one("input").ref
    printed = yield do("First I list the files.", f"type_text({line}, 'ls\\n')")
    names = Page(printed).every("span.output")[-1].text.split()
    fitting = [n for n in names if (n.endswith(extension) if extension else "." not in n)]
    yield do(f"{fitting[0]} it is.", f"type_text({line}, 'rm {fitting[0]}\\n')")


SEARCHES = table(
    (r"Switch between the tabs to find and click on the link \"(.+)\"\.", _tabs),
    (r"Expand the sections below, to find and click on the link \"(.+)\"\.", _sections),
    (r"Expand the section below and click submit\.", _section),
    (r"Navigate through the file tree\. .* named \"(.+)\"\.", _tree),
    (r"Use the textbox to enter \"(.+)\" and press .* the (\d+)\w+ search result\.", _results),
    (r"For the user (@\S+), click on the \"(.+)\" button\.", _post),
    (r"Click the \"(.+)\" button on all posts by (@\S+) and .*", _all_posts),
    (r"Click the \"(.+)\" button on (\d+) posts? by (@\S+) and .*", _some_posts),
    (r"Use the terminal .* ending with the extension (\S+)", _delete_file),
    (r"Use the terminal .* that has no file extension\.", _delete_file),
    (r"Select (?!.* (?:Submit|words))(.+)", _menu),
)
