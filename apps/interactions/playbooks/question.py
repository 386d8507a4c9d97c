"""Question: answered only from the brand's own Terms and articles, word for word. No passage, no answer."""

from apps.interactions.answering import Answer, answers_to
from apps.interactions.case import Case
from apps.interactions.drafting.sources import Stated
from apps.interactions.playbooks.base import Option, Plan, answer_yourself, hand_on, marks, reply_to
from apps.policies.words import Action

VERSION = "question-1"
NEEDS = ()
MATTERS = (
    "message.language",
    "customer.tier",
    "customer.orders",
    "case.contacts",
    "message.sentiment",
    "sender.verified",
)
_MOST = 3


def plan(case: Case) -> Plan:
    found = answers_to(case.partner, case.terms, case.text)[:_MOST]
    return Plan(
        question="Send this answer?" if found else "No text of the brand answers this. What do we say?",
        options=(*(_answer(case, answer) for answer in found), answer_yourself(case), hand_on(case)),
        reasons=_reasons(found),
        clause=f"{found[0].title}: {found[0].text}" if found else "",
        unable_because="" if found else "no text of the brand answers this",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _answer(case: Case, answer: Answer) -> Option:
    reply = reply_to(
        case, "Thank you for your question. Our “{title}” says: {passage}", title=answer.title, passage=answer.text
    )
    return Option(
        Action.REPLY, f"Answer from “{answer.title}”", f"covers {answer.share:.0%} of what is asked", reply,
        stated=Stated(names=(answer.title,), passages=(answer.text,)),
    )  # fmt: skip


def _reasons(found: list[Answer]) -> tuple[str, ...]:
    if not found:
        return ("Neither the articles nor the Terms hold a passage about this. Write one, and the next is answered.",)
    best = found[0]
    said = f"A passage of “{best.title}” covers {best.share:.0%} of what is asked."
    others = [f"“{answer.title}” fits too." for answer in found[1:]]
    return (said, *others)
