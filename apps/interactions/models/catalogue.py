"""What the partner sells and says: products, articles that answer questions, and what customers looked at."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from apps.interactions.models.mirror import Customer, money_field
from apps.policies.models import Partner
from apps.policies.models.partner import valid_currency

SEEN = ("viewed", "in_basket")


class Product(models.Model):
    """A product of the catalogue. One seen only in orders has no row and no stock: it is never recommended."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="products")
    sku = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    category = models.CharField(max_length=80, blank=True)
    price = money_field()
    currency = models.CharField(max_length=3, validators=[valid_currency])
    in_stock = models.BooleanField(default=False)
    description = models.TextField(blank=True, max_length=5000)
    as_of = models.DateTimeField()

    class Meta:
        ordering = ["partner_id", "sku"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "sku"], name="product_sku_per_partner"),
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="product_currency"),
        ]
        indexes = [
            GinIndex(SearchVector("name", "category", "description", config="english"), name="product_words"),
        ]

    def __str__(self) -> str:
        return self.name


class CustomerEvent(models.Model):
    """A customer looked at a product, or has it in the basket."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=[(kind, kind.replace("_", " ")) for kind in SEEN])
    sku = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "kind", "sku", "at"], name="customer_event_once"),
            models.CheckConstraint(condition=Q(kind__in=SEEN), name="customer_event_kind_in_list"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sku}"


class Article(models.Model):
    """A text of the partner's that answers questions. Answers quote it word for word and name it."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="articles")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=20_000, help_text="Paragraphs apart by an empty line; an answer quotes one.")
    published = models.BooleanField(default=True, help_text="Only published articles are quoted.")
    as_of = models.DateTimeField()

    class Meta:
        ordering = ["partner_id", "title"]
        constraints = [models.UniqueConstraint(fields=["partner", "slug"], name="article_slug_per_partner")]

    def __str__(self) -> str:
        return self.title


class Passage(models.Model):
    """One paragraph of an article: what a question is answered with."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="passages")
    position = models.PositiveSmallIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ["article_id", "position"]
        constraints = [models.UniqueConstraint(fields=["article", "position"], name="passage_position")]
        indexes = [GinIndex(SearchVector("text", config="english"), name="passage_words")]

    def __str__(self) -> str:
        return self.text[:60]
