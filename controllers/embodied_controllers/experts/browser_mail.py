"""Tasks of the mail program: find one mail, and delete, mark, answer or forward it."""

from __future__ import annotations

import re
from collections.abc import Generator

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts.browser_page import Element, Page
from embodied_controllers.experts.browser_script import Plans, click, do, table

_NAME = r"([A-Z][a-z]+(?:-[A-Z][a-z]+)?)"
_SENDER = re.compile(
    rf"(?:\b(?:by|from|of) {_NAME})|(?:{_NAME}'s\b)|(?:{_NAME} (?:wrote|sent|wants|has sent)\b)"
)
_RECIPIENT = re.compile(
    rf"(?:\bto {_NAME})|(?:\b(?:[Ss]end|[Gg]ive|[Ff]or?ward) {_NAME}\b(?!'s))"
    rf"|(?:{_NAME} (?:is waiting|needs|would))"
)
_QUOTED = re.compile(r'"(.*)"')


def _mail(page: Page, instruction: str) -> Plans:
    lowered = _QUOTED.sub("", instruction).lower()
    if re.search(r"delet|trash|remove", lowered):
        return _on_icon(page, instruction, "span.trash")
    if re.search(r"important|star\b", lowered):
        return _on_icon(page, instruction, "span.star")
    if text := _QUOTED.search(instruction):
        return _reply(page, instruction, text[1])
    return _forward(page, instruction)


def _on_icon(page: Page, instruction: str, icon: str) -> Plans:
    yield do("The list has the icon.", *click(_thread(page, instruction).first(icon).ref))


def _reply(page: Page, instruction: str, text: str) -> Plans:
    mail = yield from _open(page, _thread(page, _QUOTED.sub("", instruction)))
    form = Page((yield do("I answer.", *click(mail.named("Reply").ref))))
    typed = f"type_text({form.one('textarea').ref}, {text!r})"
    yield do("I write and send.", typed, *click(form.one("span#send-reply").ref))


def _forward(page: Page, instruction: str) -> Plans:
    recipient = _names(_RECIPIENT, instruction)[0]
    mail = yield from _open(page, _thread(page, instruction, besides=recipient))
    form = Page((yield do("I forward it.", *click(mail.named("Forward").ref))))
    typed = f"type_text({form.one('input').ref}, {recipient!r})"
    yield do("I write to whom, and send.", typed, *click(form.one("span#send-forward").ref))


def _open(page: Page, thread: Element) -> Generator[ExpertStep, str, Page]:
    sender = thread.first("div.email-sender")
    return Page((yield do(f"I open the mail by {sender.text}.", *click(sender.ref))))


def _thread(page: Page, instruction: str, besides: str = "") -> Element:
    """Find the mail whose sender the instruction names."""
    threads = {
        t.first("div.email-sender").text: t for t in reversed(page.every("div.email-thread"))
    }
    said = _names(_SENDER, instruction) + re.findall(_NAME, instruction)
    for name in said:
        if name in threads and name != besides:
            return threads[name]
    raise LookupError(f"no mail by one of {said}")


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    return [name for found in pattern.findall(text) for name in found if name]


MAIL = table((r"(.*\b(?:[Ee]mails?|mails?|messages?|information)\b.*)", _mail))
