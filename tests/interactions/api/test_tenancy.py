"""No partner sees or changes anything of another: by the first wall, the views, and by the second one, the database."""

import uuid

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.interactions import keys, tenancy
from apps.interactions.api.urls import urlpatterns
from apps.interactions.demo import demo_partner
from apps.interactions.models import (
    Customer,
    DecisionRecord,
    Effect,
    Interaction,
    OutboxEvent,
    Scope,
    WebhookDelivery,
)
from apps.interactions.webhooks import endpoints, spreading
from apps.policies.models import AuditEntry, Boundary, Partner, Pause, Ruling
from tests.conftest import ACTOR, STATUS, api_client
from tests.interactions.api.test_keys import OPEN

SHARED = {
    "policies_boundary", "policies_boundaryversion", "policies_versioncontributor", "policies_rulingchunk",
    "policies_rulingcolumn", "policies_ramp", "policies_remit", "policies_replay", "policies_vocabulary", "policies_rule",
    "policies_guardrail", "policies_soughtkind", "interactions_shift", "interactions_simulatedaction",
    "interactions_outsidemodel", "interactions_readingmodel", "interactions_workerheartbeat",
    "interactions_casetypesetting", "interactions_reasoncode", "learning_refinementreport", "learning_refinement",
    "learning_reportrun", "learning_ruleaudits", "learning_training", "reach_savedview", "interactions_usertoken",
}  # fmt: skip


@pytest.fixture
def other(partner):
    return demo_partner("oru", "Oru")


@pytest.fixture
def theirs(arrive, order, partner):
    """Everything of the first brand that an address can name."""
    case = arrive(STATUS, order=order)
    hook = endpoints.register(partner, {"url": "https://shop.example/remit"}, actor=ACTOR)
    spreading.spread()
    mine = api_client(partner, scopes=Scope.values)
    lamp = {"name": "Lamp", "price": "84.50", "currency": "USD", "in_stock": True}
    assert mine.put("/api/v1/products/LAMP-7/", lamp, format="json").status_code == 201
    assert (
        mine.put("/api/v1/articles/lamps/", {"title": "Lamps", "body": "Lamps give light."}, format="json").status_code
        == 201
    )
    endpoints.test(hook.pk, actor=ACTOR, now=timezone.now())
    return {
        "interaction": case.reference, "messages": case.reference, "outcomes": case.reference,
        "customer": case.customer.external_id, "customer-events": case.customer.external_id, "order": order.number,
        "order-events": order.number, "decision": DecisionRecord.objects.get().reference,
        "action-result": Effect.objects.first().key, "webhook-endpoint": hook.reference, "webhook-rotate": hook.reference,
        "webhook-test": hook.reference, "webhook-replay": hook.reference,
        "webhook-delivery": WebhookDelivery.objects.first().reference,
        "webhook-delivery-replay": WebhookDelivery.objects.first().reference,
        "product": "LAMP-7", "article": "lamps",
    }  # fmt: skip


BODIES = {
    "messages": {"author": "customer", "text": "Hello", "sent_at": "2026-01-01T10:00:00Z"},
    "outcomes": {"kind": "chargeback", "at": "2026-11-26T10:00:00Z", "reference": "x"},
    "action-result": {"outcome": "done"},
    "customer-events": {"kind": "viewed", "sku": "A", "at": "2026-01-01T10:00:00Z"},
    "order-events": {"kind": "delivered", "at": "2026-01-01T10:00:00Z"},
    "webhook-replay": {"since": "2026-01-01T10:00:00Z"},
    "webhook-endpoint": {"description": "mine now"},
}
NAMED = [pattern for pattern in urlpatterns if pattern.pattern.converters and pattern.name not in OPEN]


class TestViews:
    @pytest.mark.parametrize("pattern", NAMED, ids=lambda pattern: pattern.name)
    def test_what_is_another_partners_is_byte_for_byte_what_never_was(self, other, theirs, pattern):
        stranger = api_client(other, scopes=Scope.values)
        (place,) = pattern.pattern.converters
        never = str(uuid.uuid4())
        for method in pattern.callback.view_class.scopes:
            if method == "PUT":
                continue  # makes a row of one's own under any name
            answers = [
                getattr(stranger, method.lower())(
                    reverse(f"api:{pattern.name}", kwargs={place: name}),
                    None if method == "GET" else BODIES.get(pattern.name, {}),
                    format="json",
                )
                for name in (theirs[pattern.name], never)
            ]
            assert [answer.status_code for answer in answers] == [404, 404], (pattern.name, method)
            assert answers[0].content == answers[1].content
            told = [
                {name: value for name, value in answer.items() if name not in ("X-Request-Id", "RateLimit")}
                for answer in answers
            ]
            assert told[0] == told[1]

    def test_lists_hold_nothing_of_others(self, other, theirs):
        stranger = api_client(other, scopes=Scope.values)
        for name in ("interactions", "rulings", "webhook-endpoints", "webhook-deliveries", "pauses"):
            assert stranger.get(reverse(f"api:{name}")).json()["results"] == []

    def test_a_row_put_under_anothers_name_is_ones_own(self, other, theirs, partner):
        stranger = api_client(other, scopes=Scope.values)
        name = theirs["customer"]
        before = Customer.objects.get(partner=partner, external_id=name).name
        assert stranger.put(f"/api/v1/customers/{name}/", {"name": "Mallory"}, format="json").status_code == 201
        assert Customer.objects.get(partner=partner, external_id=name).name == before


class TestDatabase:
    def test_every_table_is_a_partners_or_named_here(self):
        assert set(tenancy.shared()) == SHARED
        assert set(tenancy.READ) <= SHARED

    def test_a_query_that_forgets_the_partner_finds_nothing_of_others(self, other, theirs):
        seen = {}
        with tenancy.tenant(other.pk):
            for wall in tenancy.walls():
                with connection.cursor() as cursor:
                    cursor.execute(f'SELECT count(*) FROM "{wall.table}"')
                    seen[wall.table] = cursor.fetchone()[0]
        of_ones_own = {
            "policies_partnerstage", "policies_terms", "policies_partner", "policies_auditentry", "policies_partnerrelease",
            "interactions_product", "interactions_article", "interactions_passage",
        }  # fmt: skip
        assert {table for table, count in seen.items() if count} <= of_ones_own
        assert seen["policies_partner"] == 1
        with tenancy.tenant(Partner.objects.get(slug="lumi").pk):
            assert (Interaction.objects.count(), Ruling.objects.count(), OutboxEvent.objects.count() > 1) == (
                1,
                1,
                True,
            )

    def test_what_was_prepared_outside_the_wall_is_behind_it_inside(self, other, theirs, partner):
        """A connection keeps what it asks often in a form that is read once: the wall has to be looked at anew each time."""

        def asked():
            return {Interaction.objects.filter(channel="chat").count() for _ in range(8)}

        def prepared():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ['%"channel" = %']
                )
                return cursor.fetchone()[0]

        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        for _ in range(2):
            assert asked() == {1}
            assert prepared() == 1
            with tenancy.tenant(other.pk):
                assert asked() == {0}
            with tenancy.tenant(partner.pk):
                assert asked() == {1}

    def test_what_is_written_for_another_is_refused(self, other, customer):
        with pytest.raises(ProgrammingError, match="row-level security"), tenancy.tenant(other.pk):
            Customer.objects.create(partner=customer.partner, external_id="planted", as_of=timezone.now())
        with tenancy.tenant(other.pk):
            assert Customer.objects.filter(pk=customer.pk).update(name="changed") == 0
            assert Customer.objects.filter(pk=customer.pk).delete()[0] == 0

    def test_what_is_nobodys_is_read_where_it_must_be_and_nowhere_else(self, other):
        with tenancy.tenant(other.pk):
            assert Boundary.objects.exists()
        for table in [*sorted(SHARED - set(tenancy.READ)), "auth_user", "django_session"]:
            with (
                pytest.raises(ProgrammingError, match="permission denied"),
                tenancy.tenant(other.pk),
                connection.cursor() as cursor,
            ):
                cursor.execute(f'SELECT 1 FROM "{table}"')
        with pytest.raises(ProgrammingError, match="permission denied"), tenancy.tenant(other.pk):
            Boundary.objects.update(name="mine")

    def test_a_pause_of_every_brand_is_seen_and_not_changed(self, other, partner):
        Pause.objects.create(reason="everything", paused_at=timezone.now(), paused_as="test")
        with tenancy.tenant(other.pk):
            assert Pause.objects.count() == 1
            assert Pause.objects.update(reason="nothing") == 0

    def test_other_rows_of_nobody_are_seen_by_nobody(self, other):
        AuditEntry.objects.create(at=timezone.now(), actor_kind="person", actor="olga", event="signed_in")
        with tenancy.tenant(other.pk):
            assert not AuditEntry.objects.filter(partner=None).exists()

    def test_the_wall_ends_with_what_it_is_around(self, other, theirs):
        with tenancy.tenant(other.pk):
            pass
        assert Interaction.objects.count() == 1
        with pytest.raises(ZeroDivisionError), tenancy.tenant(other.pk):
            raise ZeroDivisionError
        assert Interaction.objects.count() == 1

    def test_it_is_lifted_for_what_counts_all_brands_and_stands_again(self, other, theirs):
        with tenancy.tenant(other.pk):
            with tenancy.lifted():
                assert Interaction.objects.count() == 1
            assert Interaction.objects.count() == 0
        with tenancy.lifted():
            assert Interaction.objects.count() == 1

    def test_the_views_are_behind_it(self, other, theirs, monkeypatch):
        """With the first wall taken down the second one holds."""
        monkeypatch.setattr(type(Interaction.objects.all()), "of", lambda self, partner: self)
        stranger = api_client(other, scopes=Scope.values)
        assert stranger.get(reverse("api:interactions")).json()["results"] == []
        assert stranger.get(reverse("api:interaction", args=[theirs["interaction"]])).status_code == 404

    def test_building_it_again_changes_nothing(self, db):
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1, 2")
            before = cursor.fetchall()
            tenancy.build()
            cursor.execute("SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1, 2")
            assert cursor.fetchall() == before
        assert len(before) >= len(tenancy.walls())

    def test_building_it_takes_back_what_an_earlier_version_granted(self, db):
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT SELECT, INSERT ON django_q_ormq TO {tenancy.ROLE}")
            tenancy.build()
            cursor.execute("SELECT has_table_privilege(%s, 'django_q_ormq', 'INSERT')", [tenancy.ROLE])
            assert cursor.fetchone() == (False,)

    def test_all_that_has_a_partner_is_walled(self):
        for label in tenancy.OURS:
            for model in apps.get_app_config(label).get_models():
                if any(field.related_model is Partner for field in model._meta.fields if field.is_relation):
                    assert model._meta.db_table in {wall.table for wall in tenancy.walls()}


def test_keys_are_a_partners_own(other, partner):
    made = keys.issue(partner, "shop", ["oms:write"], actor=ACTOR)
    with tenancy.tenant(other.pk):
        assert not type(made).objects.exists()
