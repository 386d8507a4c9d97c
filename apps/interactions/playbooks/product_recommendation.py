"""Product recommendation: from the catalogue, inside the content rules, with the reason for each, and no claims."""

from apps.interactions.case import Case
from apps.interactions.drafting.sources import Stated
from apps.interactions.playbooks.base import Option, Plan, answer_yourself, hand_on, marks, reply_to
from apps.interactions.recommending import Recommended, recommended_for
from apps.policies.money import Money
from apps.policies.words import Action

VERSION = "product_recommendation-1"
NEEDS = ()
MATTERS = ("customer.tier", "customer.orders", "customer.lifetime_value", "message.sentiment", "sender.verified")


def plan(case: Case) -> Plan:
    found = recommended_for(case)
    if not found:
        options = (_ask(case), answer_yourself(case), hand_on(case))
        reasons: tuple[str, ...] = ("There is too little to go by: nothing in stock fits, and nothing was looked at.",)
    else:
        options = (_recommend(case, found), _ask(case), answer_yourself(case))
        reasons = tuple(f"{one.product.name}: {one.reason}." for one in found)
    return Plan(
        question="Recommend these?" if found else "The customer asks for advice. What do we recommend?",
        options=options,
        reasons=reasons,
        unable_because="" if found else "there is too little to recommend from",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _recommend(case: Case, found: list[Recommended]) -> Option:
    """What the customer looked at or bought is told only to who is known to be the customer: it counts as order data."""
    lines: list[str] = []
    values: dict[str, object] = {}
    for place, one in enumerate(found):
        lines.append(f"– {{name{place}}}, {{price{place}}}: {one.reason}")
        values |= {f"name{place}": one.product.name, f"price{place}": _price(one)}
    body = "Thank you for asking. From what we have in stock, these may suit you:\n\n" + "\n".join(lines)
    return Option(
        Action.RECOMMEND, "Recommend these", "costs nothing", reply_to(case, body, **values),
        discloses_order=any(one.personal for one in found),
        stated=Stated(
            amounts=tuple(_price(one) for one in found), names=tuple(one.product.name for one in found),
            states=frozenset({"in stock"}),
        ),
    )  # fmt: skip


def _price(one: Recommended) -> Money:
    return Money(one.product.price, one.product.currency)


def _ask(case: Case) -> Option:
    body = "Thank you for asking. So that I find the right thing: what will you use it for, and what may it cost?"
    return Option(
        Action.ASK_CUSTOMER, "Ask what it is for", "the clock stops while the customer answers", reply_to(case, body)
    )
