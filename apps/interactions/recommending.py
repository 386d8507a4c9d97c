"""Recommending: what to offer a customer who asks for advice, with the reason for each product.

From the words of the conversation, what the customer looked at, and what others bought together with it. Only
products of the partner's catalogue that are in stock and inside the content rules of the Terms; nothing is claimed
of them but name and price.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.postgres.search import SearchRank, SearchVector
from django.db.models import Count, Q, QuerySet

from apps.interactions.answering import SAY_NOTHING, any_of, stems_of
from apps.interactions.case import Case
from apps.interactions.models import CustomerEvent, OrderLine, Product

MOST = 3
FEWEST_TOGETHER = 3  # orders in which two products stand together before it says anything
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Recommended:
    """A product and why. `personal` when the reason tells what the customer looked at or bought."""

    product: Product
    reason: str
    personal: bool


def recommended_for(case: Case) -> list[Recommended]:
    """At most `MOST` products, the best first; empty when there is too little to go by."""
    allowed = _allowed(case)
    scores: defaultdict[int, float] = defaultdict(float)
    reasons: dict[int, tuple[str, bool]] = {}
    products: dict[int, Product] = {}
    for product, score, reason, personal in [
        *_by_words(case, allowed),
        *_looked_at(case, allowed),
        *_together(case, allowed),
    ]:
        products[product.pk] = product
        scores[product.pk] += score
        reasons.setdefault(product.pk, (reason, personal))
    best = sorted(scores, key=lambda pk: (-scores[pk], products[pk].sku))[:MOST]
    return [Recommended(products[pk], *reasons[pk]) for pk in best]


def _allowed(case: Case) -> QuerySet[Product]:
    """In stock, in the brand's currency, and inside the content rules; nothing the customer has bought already."""
    rows = Product.objects.filter(partner=case.partner, in_stock=True, currency=case.partner.currency)
    if case.terms is not None:
        categories = [str(name) for name in case.terms.recommend_categories]
        if categories:
            inside = Q(pk__in=[])
            for name in categories:
                inside |= Q(category__iexact=name)
            rows = rows.filter(inside)
        if case.terms.recommend_most is not None:
            rows = rows.filter(price__lte=case.terms.recommend_most)
    if case.customer is not None:
        rows = rows.exclude(sku__in=OrderLine.objects.filter(order__customer=case.customer).values("sku"))
    return rows


Scored = tuple[Product, float, str, bool]


def _by_words(case: Case, allowed: QuerySet[Product]) -> list[Scored]:
    """Products whose name has a word of the customer's, or whose texts have two: one chance word is no reason."""
    (asked,) = stems_of([case.text[:500]])
    asked -= SAY_NOTHING
    if not asked:
        return []
    any_word = any_of(asked)
    vector = SearchVector("name", "category", "description", config="english")
    ranked = allowed.annotate(words=vector).filter(words=any_word).annotate(rank=SearchRank(vector, any_word))
    rows = list(ranked.order_by("-rank", "sku")[:LOOKED_AT])
    stems = stems_of([text for row in rows for text in (row.name, f"{row.name} {row.category} {row.description}")])
    found: list[Scored] = []
    for row, named, said in zip(rows, stems[::2], stems[1::2], strict=True):
        if asked & named or len(asked & said) > 1:
            score = 1.0 + len(asked & said) / 10 + len(asked & named) / 5
            found.append((row, score, "it fits what you describe", False))
    return found


def _looked_at(case: Case, allowed: QuerySet[Product]) -> list[Scored]:
    if case.customer is None:
        return []
    seen = CustomerEvent.objects.filter(customer=case.customer, at__lte=case.at).order_by("-at")
    kinds = dict(reversed(list(seen.values_list("sku", "kind")[:LOOKED_AT])))
    said = {"viewed": "you looked at it", "in_basket": "it is in your basket"}
    return [
        (product, 1.5 if kinds[product.sku] == "in_basket" else 1.0, said[kinds[product.sku]], True)
        for product in allowed.filter(sku__in=kinds)
    ]


def _together(case: Case, allowed: QuerySet[Product]) -> list[Scored]:
    """What others bought in one order with what the customer bought or looked at; too few orders say nothing."""
    if case.customer is None:
        return []
    own = set(OrderLine.objects.filter(order__customer=case.customer).values_list("sku", flat=True))
    own |= set(CustomerEvent.objects.filter(customer=case.customer).values_list("sku", flat=True)[:LOOKED_AT])
    lines = OrderLine.objects.filter(order__partner=case.partner, order__lines__sku__in=own).exclude(sku__in=own)
    counted = lines.values("sku").annotate(orders=Count("order", distinct=True)).filter(orders__gte=FEWEST_TOGETHER)
    orders = {row["sku"]: row["orders"] for row in counted.order_by("-orders")[:50]}
    return [
        (product, 0.5 + orders[product.sku] / 100, "others bought it together with what you chose", True)
        for product in allowed.filter(sku__in=orders)
    ]
