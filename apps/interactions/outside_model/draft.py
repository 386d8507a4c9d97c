"""Writing a reply with an outside model: it puts into words what is already decided, and decides nothing.

The model sees what the built-in template would say (which holds only grounded facts), the action, the amount, the
order's number, the brand's voice, and the customer's words as data. Its answer is the body of a reply, as text.
Whatever is odd about it makes it no draft: the template is as good as ever.
"""

import re
import unicodedata
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from apps.interactions.case import Case
from apps.interactions.classification import tone
from apps.interactions.classification.training import LONGEST_READ
from apps.interactions.models import ModelCall
from apps.interactions.outside_model.client import ModelFailed, Reason
from apps.interactions.outside_model.masking import (
    CUSTOMER,
    PLACEHOLDER,
    Mask,
    UnknownPlaceholder,
    looks_like_contact,
    mask_for,
)
from apps.interactions.outside_model.prompts import Prompt, prompt
from apps.interactions.playbooks.base import Option, reply_to
from apps.policies.models import better_words

SHORTEST, LONGEST = 20, 1200  # characters of a reply's body
_MOST_TOKENS = 700
_HOLE = "\x1f"
_TASK = (
    "You write the body of a reply from a shop to a customer. What is decided is given as values; you put it into warm, "
    "plain words in the brand's voice, answering what the customer wrote. State nothing that `say` does not state: no "
    "other amount, date, number, promise, offer, reason or fact. Write numbers, amounts and dates exactly as given. No "
    "greeting, no sign-off, no link, no formatting. At most six sentences."
)
_MACHINE_WORDS = re.compile(
    r"system prompt|language model|\bas an ai\b|\btool_call|\bfunction_call|\bjson\b|\binstructed\b|<<<|>>>|\bscript\b",
    re.I,
)
_FORMATTING = re.compile(r"[{}<>`|\\\[\]]|^\s*[#*>-]|\*\*|__", re.M)
_GREETING = re.compile(r"\A(?:hi|hello|dear|hey)\b[^\n]{0,60}[,!]\s*\n+", re.I)


class _ReplyShape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    reply: str


@dataclass(frozen=True, slots=True)
class View:
    """All that a draft may draw on, unmasked; the prompt masks it. `say` is the body of the built-in reply."""

    action: str
    amount: str
    order_number: str
    say: str
    brand: str
    greeting: str
    sign_off: str
    formality: str
    avoid: tuple[str, ...]
    words: str
    public: bool
    mask: Mask


def view_of(case: Case, option: Option) -> View:
    """What a model may know to put `option` into words."""
    before, _, after = reply_to(case, _HOLE).text.partition(_HOLE)
    discloses = case.order.number if case.order and case.order.number in option.reply.text else ""
    keep = [case.partner.name, discloses, str(option.amount or "")]
    return View(
        action=option.action.label,
        amount=str(option.amount or ""),
        order_number=discloses,
        say=option.reply.text.removeprefix(before).removesuffix(after),
        brand=case.partner.name,
        greeting=case.partner.voice_greeting,
        sign_off=case.partner.voice_sign_off,
        formality=case.partner.voice_formality,
        avoid=tuple(better_words(case.partner.voice_avoid)),
        words="\n".join(message.text for message in case.asked)[:LONGEST_READ],
        public=case.interaction.public,
        mask=mask_for(case.customer, case.order, keep=keep),
    )


def prompt_to_draft(view: View) -> Prompt:
    values = {
        "brand": view.brand,
        "voice": {
            "greeting": view.greeting,
            "sign_off": view.sign_off,
            "formality": view.formality,
            "avoid": list(view.avoid),
        },
        "action": view.action,
        **({"amount": view.amount} if view.amount else {}),
        **({"order": view.order_number} if view.order_number else {}),
        "say": view.mask.hide(view.say),
    }
    words = view.mask.hide(view.words)
    return prompt(
        ModelCall.Purpose.DRAFT,
        _TASK,
        words,
        shape="reply",
        schema=_ReplyShape.model_json_schema(),
        most_tokens=_MOST_TOKENS,
        values=values,
    )


def body_in(answer: str, view: View, marker: str) -> str:
    """The body that an answer holds, with names and places that `say` states put back.

    Raises ModelFailed: WRONG_SHAPE when it is no reply, ODD when it is none that could be sent.
    """
    try:
        text = _ReplyShape.model_validate_json(answer).reply
    except ValidationError as error:
        raise ModelFailed(Reason.WRONG_SHAPE, "not a reply") from error
    text = _GREETING.sub("", unicodedata.normalize("NFC", text).strip()).strip()
    oddity = _oddity(text, view, marker)
    if oddity:
        raise ModelFailed(Reason.ODD, oddity)
    # What stands in `say` goes out anyway, and the customer's own name; what only the customer wrote stays hidden.
    allowed = PLACEHOLDER.findall(view.mask.hide(view.say)) + ([] if view.public else [CUSTOMER])
    try:
        shown = view.mask.show(text, allowed)
    except UnknownPlaceholder as error:
        raise ModelFailed(Reason.ODD, f"names {error}") from error
    if "{" in shown or "}" in shown:  # a reply is a template once more before it is sent
        raise ModelFailed(Reason.ODD, "formatting")
    return shown


def _oddity(text: str, view: View, marker: str) -> str:
    """What about a text makes it no reply of a shop; empty for nothing. Claims are checked elsewhere."""
    bare = PLACEHOLDER.sub("", text)
    if not SHORTEST <= len(text) <= LONGEST:
        return f"{len(text)} characters"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs") for letter in text if letter != "\n"):
        return "characters that nobody sees"
    if _FORMATTING.search(bare):
        return "formatting"
    if marker in text or _MACHINE_WORDS.search(bare) or tone.injection_suspected(bare):
        return "speaks of the machine"
    if looks_like_contact(_without(bare, view)):
        return "a link, an address or a number"
    missing = [fact for fact in (view.amount, view.order_number) if fact and fact in view.say and fact not in text]
    return f"leaves out {missing[0]}" if missing else ""


def _without(text: str, view: View) -> str:
    for kept in (view.order_number, view.amount):
        text = text.replace(kept, "") if kept else text
    return text
