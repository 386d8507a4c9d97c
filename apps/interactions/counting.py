"""What is counted over other rows for the facts of a batch: one query each, however many cases."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from apps.interactions import courtesies
from apps.interactions.models import DecisionRecord, Effect, Interaction, Message, Order
from apps.policies.words import CaseType

NOBODYS = Q(customer__isnull=True, sender_verified=False)  # of somebody unknown, who can name any order
_OPEN = [state for state in Interaction.OPEN_STATES if state != Interaction.State.RESOLVED]


class Counts:
    """What is counted over other rows, one query each for the whole batch."""

    def __init__(self, customers: Sequence[int], orders: set[int], linked: Mapping[int, int]) -> None:
        """`linked`: the first case of those that follow one, by the case that follows it."""
        self.contacts_before, self.decided_before = _earlier(linked)
        year = timezone.now() - timedelta(days=365)
        open_cases = Interaction.objects.filter(state__in=_OPEN)
        self.open_by_customer = _counted(open_cases.filter(customer_id__in=customers), "customer_id")
        self.open_by_order = _counted(open_cases.filter(~NOBODYS, order_id__in=orders), "order_id")
        self.disputes = _counted(
            Interaction.objects.filter(
                customer_id__in=customers, case_type=CaseType.DELIVERY_DISPUTE, received_at__gte=year
            ).exclude(state=Interaction.State.MERGED),
            "customer_id",
        )
        rows = (
            Order.objects.filter(customer_id__in=customers)
            .values("customer_id")
            .annotate(number=Count("id"), worth=Sum("total"), kinds=Count("currency", distinct=True))
        )
        self.orders = {row["customer_id"]: row for row in rows}
        self.refunds: defaultdict[int, list[datetime]] = defaultdict(list)
        sent = Effect.objects.filter(
            decision__interaction__customer_id__in=customers, state__in=["in_flight", "done", "unknown"],
            action__in=["refund", "partial_refund", "store_credit", "goodwill"],
        )  # fmt: skip
        for customer_id, sent_at in sent.values_list("decision__interaction__customer_id", "sent_at"):
            if sent_at is not None:
                self.refunds[customer_id].append(sent_at)
        reported = Order.objects.filter(Q(refunds_reported__gt=0), customer_id__in=customers)
        for customer_id, at in reported.values_list("customer_id", "placed_at"):
            self.refunds[customer_id].append(at)
        self.returns = _counted(
            Order.objects.filter(customer_id__in=customers, return_received_at__gte=year), "customer_id"
        )
        self.labels = set(
            Effect.objects.filter(
                decision__interaction__order_id__in=orders, action="return_label", state="done"
            ).values_list("decision__interaction__order_id", flat=True)
        )


def _earlier(linked: Mapping[int, int]) -> tuple[Counter[int], set[int]]:
    """By case that follows others: how often the customer wrote on those, and whether a person decided one."""
    if not linked:
        return Counter(), set()
    firsts = set(linked.values())
    family = Interaction.objects.filter(Q(pk__in=firsts) | Q(linked_to_id__in=firsts))
    first_of = {pk: first or pk for pk, first in family.values_list("pk", "linked_to_id")}
    texts = Message.objects.filter(interaction__in=first_of, author="customer").values_list("interaction_id", "text")
    wrote = Counter(of for of, text in texts if not courtesies.asks_nothing(text))
    decided = DecisionRecord.objects.filter(interaction__in=first_of, decided_by__isnull=False)
    decided_in = {first_of[pk] for pk in decided.values_list("interaction_id", flat=True)}
    contacts = Counter(
        {pk: sum(n for of, n in wrote.items() if first_of[of] == first and of != pk) for pk, first in linked.items()}
    )
    return contacts, {pk for pk, first in linked.items() if first in decided_in}


def _counted(rows: QuerySet[Any], name: str) -> Counter[int]:
    return Counter(dict(rows.values_list(name).annotate(number=Count("id"))))
