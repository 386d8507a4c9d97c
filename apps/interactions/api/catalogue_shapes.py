"""What the API takes for the catalogue: products, articles, and what customers looked at."""

from rest_framework import serializers

from apps.interactions.api.serializers import (
    AmountField,
    Choice,
    Flag,
    Strict,
    Time,
    not_before_computers,
    not_in_the_future,
)
from apps.interactions.models.catalogue import SEEN


class ProductIn(Strict):
    sku = serializers.CharField(max_length=60, required=False)
    name = serializers.CharField(max_length=200)
    category = serializers.CharField(max_length=80, required=False, allow_blank=True)
    price = AmountField()
    currency = serializers.RegexField(r"^[A-Z]{3}$", error_messages={"invalid": "Three capital letters, like USD."})
    in_stock = Flag()
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    as_of = Time(required=False, validators=[not_in_the_future, not_before_computers])


class ArticleIn(Strict):
    slug = serializers.SlugField(max_length=80, required=False)
    title = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=20_000)
    published = Flag(required=False, default=True)
    as_of = Time(required=False, validators=[not_in_the_future, not_before_computers])


class CustomerEventIn(Strict):
    kind = Choice(SEEN)
    sku = serializers.CharField(max_length=60)
    at = Time(validators=[not_in_the_future, not_before_computers])
