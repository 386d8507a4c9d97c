"""The catalogue by API: products, articles and what customers looked at."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions.models import Article, CustomerEvent, Product, Scope
from tests.conftest import api_client

PRODUCT = {"name": "Bench", "category": "garden", "price": "120.00", "currency": "USD", "in_stock": True}
ARTICLE = {"title": "Repairs", "body": "We repair watches.\n\nIt takes two weeks."}


@pytest.mark.parametrize(("path", "data"), [("products/BNC-1", PRODUCT), ("articles/repairs", ARTICLE)])
class TestPut:
    def test_it_is_made_then_replaced_and_an_older_write_changes_nothing(self, api, path, data):
        made = api.put(f"/api/v1/{path}/", data, format="json")
        assert made.status_code == 201, made.data
        newer = {**data, "as_of": timezone.now().isoformat()}
        assert api.put(f"/api/v1/{path}/", newer, format="json").status_code == 200
        key = "name" if "name" in data else "title"
        same = {**newer, key: "Same moment"}
        assert api.put(f"/api/v1/{path}/", same, format="json").data[key] == "Same moment"
        api.put(f"/api/v1/{path}/", newer, format="json")
        older = {**data, key: "Old", "as_of": (timezone.now() - timedelta(days=1)).isoformat()}
        assert api.put(f"/api/v1/{path}/", older, format="json").data[key] == data[key]
        assert api.get(f"/api/v1/{path}/").data[key] == data[key]

    def test_unknown_fields_and_missing_ones_are_named(self, api, path, data):
        answer = api.put(f"/api/v1/{path}/", {"colour": "red"}, format="json")
        assert answer.status_code == 422
        assert "colour" in answer.json()["errors"]

    def test_another_brands_is_a_404(self, api, path, data, partner):
        from apps.interactions.demo import demo_partner

        other = api_client(demo_partner("other", "Other"))
        api.put(f"/api/v1/{path}/", data, format="json")
        assert other.get(f"/api/v1/{path}/").status_code == 404

    def test_it_needs_the_scope(self, partner, path, data):
        key = api_client(partner, scopes=[Scope.INTERACTIONS_WRITE])
        assert key.put(f"/api/v1/{path}/", data, format="json").status_code == 403
        assert not Product.objects.filter(sku="BNC-1").exists()
        assert not Article.objects.filter(slug="repairs").exists()


def test_an_article_is_cut_into_paragraphs(api, partner):
    assert api.put("/api/v1/articles/repairs/", ARTICLE, format="json").data["passages"] == 2


class TestCustomerEvents:
    def test_events_are_taken_once(self, api, customer):
        event = {"kind": "viewed", "sku": "BNC-1", "at": timezone.now().isoformat()}
        for _ in range(2):
            assert (
                api.post(f"/api/v1/customers/{customer.external_id}/events/", [event], format="json").status_code == 202
            )
        assert CustomerEvent.objects.get().sku == "BNC-1"

    @pytest.mark.parametrize("data", [[], [{"kind": "bought", "sku": "x", "at": "2026-01-01T00:00:00Z"}], "nonsense"])
    def test_bad_ones_are_refused(self, api, customer, data):
        assert api.post(f"/api/v1/customers/{customer.external_id}/events/", data, format="json").status_code == 422
        assert not CustomerEvent.objects.exists()

    def test_another_brands_customer_is_a_404(self, customer):
        from apps.interactions.demo import demo_partner

        other = api_client(demo_partner("other", "Other"))
        assert other.post(f"/api/v1/customers/{customer.external_id}/events/", [], format="json").status_code == 404
