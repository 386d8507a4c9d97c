"""Gathering facts: what is known about each case at the moment the customer wrote, fetched in bulk.

A fact that was not found is left out, which makes it unknown; nothing is defaulted.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Prefetch, Q

from apps.interactions import facts_of_case, facts_of_order
from apps.interactions.case import Case
from apps.interactions.counting import Counts
from apps.interactions.models import AlarmWord, Message, Order, Product
from apps.policies.facts import Facts
from apps.policies.models import Terms


def rows_of_cases() -> tuple["Prefetch[str]", str]:
    """What is read with the cases of a batch: their messages, and their decisions with effects."""
    messages = Prefetch("messages", queryset=Message.objects.order_by("sent_at", "id"), to_attr="message_rows")
    return messages, "decisions__effects"


def load_orders(order_ids: set[int]) -> dict[int, Order]:
    rows = Order.objects.filter(pk__in=order_ids).prefetch_related("lines", "payments", "events")
    return {order.pk: order for order in rows}


def products_in(orders: Iterable[Order]) -> dict[int, dict[str, Product]]:
    """The catalogue's rows of what was ordered, by partner and SKU."""
    wanted = Q(pk__in=[])
    for order in orders:
        wanted |= Q(partner_id=order.partner_id, sku__in=[line.sku for line in order.lines.all()])
    found: defaultdict[int, dict[str, Product]] = defaultdict(dict)
    for product in Product.objects.filter(wanted):
        found[product.partner_id][product.sku] = product
    return found


def alarm_words(partner_ids: set[int]) -> dict[int, dict[str, list[str]]]:
    found: defaultdict[int, dict[str, list[str]]] = defaultdict(dict)
    for row in AlarmWord.objects.filter(partner_id__in=partner_ids):
        found[row.partner_id].setdefault(row.alarm, []).append(row.word)
    return found


def active_terms(partner_ids: set[int]) -> dict[int, Terms]:
    return {terms.partner_id: terms for terms in Terms.objects.filter(partner_id__in=partner_ids, active=True)}


def counts_for(cases: list[Case]) -> Counts:
    customers = [case.customer.pk for case in cases if case.customer]
    linked = {case.interaction.pk: case.interaction.linked_to_id for case in cases if case.interaction.linked_to_id}
    return Counts(customers, {case.order.pk for case in cases if case.order}, linked)


def gather(case: Case, counts: Counts) -> None:
    """Fill in the facts of one case; `counts` were fetched for its whole batch."""
    found = [
        *facts_of_case.of_message(case, counts),
        *facts_of_case.of_sender(case),
        *(facts_of_case.of_customer(case, case.customer, counts) if case.customer else ()),
        *(facts_of_order.of_order(case, case.order, counts) if case.order else ()),
    ]
    case.decided_by_person = case.interaction.pk in counts.decided_before or any(
        decision.decided_by_id for decision in case.interaction.decisions.all()
    )
    case.facts = Facts({fact.name: fact for fact in found if fact.value is not None})
