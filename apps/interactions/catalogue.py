"""Writing the catalogue: products, articles and what customers looked at, as the partner reports them.

Every write carries `as_of`; an older write never replaces a newer one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.interactions.mirror import Stored
from apps.interactions.models import Article, Customer, CustomerEvent, Passage, Product
from apps.policies.models import Partner

_PARAGRAPHS = re.compile(r"\n\s*\n")


def put_product(partner: Partner, sku: str, data: Mapping[str, Any], *, as_of: datetime) -> "Stored[Product]":
    with transaction.atomic():
        found = Product.objects.select_for_update(no_key=True).filter(partner=partner, sku=sku).first()
        if found is not None and found.as_of > as_of:
            return Stored(found, created=False, changed=False)
        product = found or Product(partner=partner, sku=sku)
        for name in ("name", "price", "currency", "in_stock"):
            setattr(product, name, data[name])
        product.category, product.description = data.get("category") or "", data.get("description") or ""
        product.as_of = as_of
        product.save()
    return Stored(product, created=found is None, changed=True)


def put_article(partner: Partner, slug: str, data: Mapping[str, Any], *, as_of: datetime) -> "Stored[Article]":
    with transaction.atomic():
        found = Article.objects.select_for_update(no_key=True).filter(partner=partner, slug=slug).first()
        if found is not None and found.as_of > as_of:
            return Stored(found, created=False, changed=False)
        article = found or Article(partner=partner, slug=slug)
        article.title, article.body, article.published = data["title"], data["body"], data.get("published", True)
        save_article(article, as_of=as_of)
    return Stored(article, created=found is None, changed=True)


def save_article(article: Article, *, as_of: datetime) -> None:
    """Save it and cut its body into paragraphs, each on its own: what answers quote. In the caller's transaction."""
    article.as_of = as_of
    article.save()
    article.passages.all().delete()
    paragraphs = [paragraph.strip() for paragraph in _PARAGRAPHS.split(article.body) if paragraph.strip()]
    Passage.objects.bulk_create(
        Passage(article=article, position=position, text=" ".join(text.split()))
        for position, text in enumerate(paragraphs)
    )


def add_customer_events(customer: Customer, events: Sequence[Mapping[str, Any]]) -> None:
    """What the customer looked at or put in the basket; an event that is known already changes nothing."""
    rows = [CustomerEvent(customer=customer, kind=event["kind"], sku=event["sku"], at=event["at"]) for event in events]
    CustomerEvent.objects.bulk_create(rows, ignore_conflicts=True)
