"""Choosing: what a person's choice comes to, by the packet it was made on, and what is still missing from it."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from apps.interactions import channels
from apps.interactions.classification.names import INTENTS
from apps.interactions.drafting.grounding import promised
from apps.interactions.drafting.sources import WORDS_OF_ACTION
from apps.interactions.models import ContextPacket, DecisionRecord, Interaction, ReasonCode
from apps.interactions.precedents import Line
from apps.policies.errors import Refused
from apps.policies.money import BadAmount, Money, exact_amount
from apps.policies.words import REFUND_ACTIONS, Action

How = DecisionRecord.How


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose. `option` is the place of an option in the packet, 0 for the AI's proposal.

    `amount` and `reply` replace the option's own when given. `question` asks the customer instead. `wrong_part` says what
    of the proposal was wrong, `asked_for` what they ask for where that was misread, `unlike` what sets the case apart from a
    clear line of precedent.
    """

    packet_version: int
    lease_token: uuid.UUID | None
    option: int = 0
    amount: str | None = None
    reply: str | None = None
    reason_code: str = ""
    rationale: str = ""
    question: str = ""
    wrong_part: str = ""
    unlike: str = ""
    asked_for: str = ""


def what_was_decided(interaction: Interaction, packet: ContextPacket, choice: Choice) -> dict[str, Any]:
    """The content of the record: which option, with which changes, and why. Raises Refused with what is missing."""
    if why := channels.too_long(interaction.channel, choice.question.strip() or (choice.reply or "").strip()):
        raise Refused(f"{why}. Shorten it.")
    if choice.question.strip():
        return {"how": How.ASKED, "action": Action.ASK_CUSTOMER, "reply": choice.question.strip()}
    options = packet.content["options"]
    if not 0 <= choice.option < len(options):
        raise Refused("Choose one of the options.")
    option = options[choice.option]
    money = money_of(option, choice.amount)
    reply = _reply(option, money, choice.reply)
    if not reply:
        raise Refused("Write what the customer is told; nothing is done without an answer.")
    offered = option["amount"]["amount"] if option["amount"] else None
    changed = reply != option["reply"].strip() or (str(money.amount) if money else None) != offered
    how = How.OVERRIDDEN if choice.option else How.MODIFIED if changed else How.APPROVED
    _rationale_given(how, choice, interaction.case_type)
    affordable(interaction, option["action"], money)
    if option["action"] == Action.CANCEL_ORDER and money and str(money.amount) != offered:
        raise Refused("Cancelling pays back all that is paid. To keep some of it, refund the rest and leave the order.")
    says_what_is_done(option, money, reply)
    wrong_part = "" if how == How.APPROVED else choice.wrong_part
    if how == How.MODIFIED and not wrong_part:
        wrong_part = _part_that_changed(reply, option, money)
    return {
        "how": how,
        "action": option["action"],
        "amount": money.amount if money else None,
        "currency": money.currency if money else "",
        "lines": option["lines"],
        "reply": reply,
        "reason_code": choice.reason_code,
        "rationale": choice.rationale.strip(),
        "wrong_part": wrong_part,
        "asked_for": choice.asked_for if wrong_part == DecisionRecord.WrongPart.TYPE else "",
        "unlike": choice.unlike.strip(),
        "words_changed": words_changed(option["reply"], reply),
    }


def words_changed(before: str, after: str) -> int:
    """How many words were put in or taken out to come from one reply to the other."""
    blocks = SequenceMatcher(None, before.split(), after.split(), autojunk=False).get_opcodes()
    return sum((b - a) + (d - c) for tag, a, b, c, d in blocks if tag != "equal")


def says_what_is_done(option: dict[str, Any], money: Money | None, reply: str) -> None:
    """A reply that offers money or goods offers what is decided: whatever else it promises, nobody has ruled on."""
    action = Action(option["action"])
    allowed = {action} | WORDS_OF_ACTION.get(action, frozenset()) | promised(option["reply"])
    other = sorted(offer.label.lower() for offer in promised(reply) - allowed)
    if other:
        raise Refused(
            f"The reply promises another thing than you decide: {', '.join(other)}. Decide that, or take it out."
        )


def _part_that_changed(reply: str, option: dict[str, Any], money: Money | None) -> str:
    offered = option["amount"]
    if money is not None and offered is not None and str(money.amount) != offered["amount"]:
        return DecisionRecord.WrongPart.AMOUNT
    return DecisionRecord.WrongPart.WORDING if reply != option["reply"].strip() else ""


def answer_precedent(line: Line, action: str, choice: Choice) -> None:
    """Against a clear line of precedent one reason more is asked for; a question to the customer decides nothing yet."""
    if line.clear and action not in (line.action, Action.ASK_CUSTOMER) and not choice.unlike.strip():
        raise Refused(f"{line.in_words()}. Say what is different here.")


def _reply(option: dict[str, Any], money: Money | None, typed: str | None) -> str:
    """What the customer is told: it states the amount that was decided, also when only the amount was changed."""
    offered = option["amount"]
    before = Money(Decimal(offered["amount"]), offered["currency"]) if offered else None
    unchanged = typed is None or typed.strip() == option["reply"].strip()
    if before is None or money is None or money == before:
        return (option["reply"] if unchanged or typed is None else typed).strip()
    if unchanged:
        said = {str(before): str(money)}
        return "".join(
            text if kind == "plain" else said.get(text, text) for text, kind in option["reply_parts"]
        ).strip()
    assert typed is not None
    if f"{before.amount:,.2f}" in typed:
        raise Refused(f"The reply still says {before}, and you decided {money}. Change one of them.")
    return typed.strip()


def money_of(option: dict[str, Any], typed: str | None) -> Money | None:
    """The amount of an option, or the one that was typed instead. Raises Refused when that is none."""
    if option["amount"] is None:
        return None
    currency = option["amount"]["currency"]
    if typed is None or not typed.strip():
        return Money(Decimal(option["amount"]["amount"]), currency)
    try:
        return Money(exact_amount(typed.replace(",", "")), currency)
    except BadAmount as error:
        raise Refused(f"Amount: {error}") from None


def _rationale_given(how: str, choice: Choice, case_type: str) -> None:
    if not choice.reason_code and how != How.OVERRIDDEN:
        return
    codes = ReasonCode.objects.filter(case_type__in=["", case_type], code=choice.reason_code)
    if choice.reason_code and not codes.exists():
        raise Refused("Choose a reason from the list.")
    if how == How.OVERRIDDEN and not choice.reason_code:
        raise Refused("Say why you decide otherwise than proposed: choose a reason.")
    words_wanted = codes.filter(needs_words=True).exists()
    if words_wanted and not choice.rationale.strip():
        raise Refused("This reason needs a few words. Write them under the reason.")
    if choice.wrong_part and choice.wrong_part not in DecisionRecord.WrongPart.values:
        raise Refused("Choose from the list which part of the proposal was wrong.")
    if choice.asked_for and choice.asked_for not in INTENTS:
        raise Refused("Choose from the list what they ask for.")
    if how == How.OVERRIDDEN and not choice.wrong_part:
        raise Refused("Say which part of the proposal was wrong: that is what the AI learns from.")


def affordable(interaction: Interaction, action: str, money: Money | None) -> None:
    """More than the order still holds is refused now, not when it is carried out."""
    if money is None or action not in REFUND_ACTIONS or interaction.order is None:
        return
    left = interaction.order.refundable
    if money.amount == 0:
        raise Refused("A refund of nothing is no refund. Choose another option or an amount.")
    if money.currency != left.currency or money.amount > left.amount:
        raise Refused(f"Only {left} of order {interaction.order.number} is still refundable.")
