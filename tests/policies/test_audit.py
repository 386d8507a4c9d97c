"""What was done is kept: audit rows, rulings, sealed packets and decided records refuse UPDATE, DELETE and TRUNCATE."""

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from apps.interactions import committing, deciding
from apps.interactions.deciding import Choice
from apps.interactions.models import ContextPacket, DecisionRecord, Interaction
from apps.learning.models import Signal
from apps.policies.models import AuditEntry, Ruling
from tests import factories
from tests.conftest import STATUS


@pytest.fixture
def decided(held, drain):
    """A case with every kind of record: ruled, briefed, decided by a person, carried out."""
    user, escalation = held
    packet = escalation.interaction.packets.get(state="ready")
    decision = deciding.decide(user, escalation.pk, Choice(packet.version, escalation.lease_token))
    DecisionRecord.objects.filter(pk=decision.pk).update(commit_at="2020-01-01T00:00Z")
    committing.commit_due()
    drain()
    return Interaction.objects.get(pk=escalation.interaction_id)


@pytest.mark.parametrize("model", [AuditEntry, Ruling, Signal, DecisionRecord, ContextPacket])
class TestRecordsAreKept:
    def test_update_is_refused(self, decided, model):
        column = {"ContextPacket": "content_hash", "DecisionRecord": "rationale", "AuditEntry": "reason"}.get(
            model.__name__, "case_type"
        )
        rows = model.objects.filter(state="sealed") if model is ContextPacket else model.objects.all()
        assert rows.exists()
        with pytest.raises(Error), transaction.atomic():
            rows.update(**{column: "changed"})

    def test_delete_is_refused(self, decided, model):
        rows = model.objects.filter(state="sealed") if model is ContextPacket else model.objects.all()
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = %s", [rows.first().pk])

    def test_truncate_is_refused(self, decided, model):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the fixtures left to check would stop it first
            with pytest.raises(Error, match="cannot be truncated"), transaction.atomic():
                cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")


def test_every_transition_of_a_case_left_its_row_in_order(decided):
    rows = AuditEntry.objects.filter(subject_type="interactions.interaction", subject_id=str(decided.pk)).order_by("id")
    moves = [(row.event, row.from_state, row.to_state) for row in rows if row.to_state]
    assert moves == [
        ("classify", "received", "classified"),
        ("escalate", "classified", "awaiting_decision"),
        ("decide", "awaiting_decision", "resolving"),
        ("finish", "resolving", "resolved"),
    ]
    assert rows[0].event == "received"
    assert all(row.at and row.actor and row.actor_kind for row in rows)


def test_the_rows_of_one_turn_of_work_share_a_correlation_id(arrive, order):
    case = arrive(STATUS, order=order)
    rows = AuditEntry.objects.filter(subject_id=str(case.pk), event__in=["classify", "resolve_alone"])
    assert len({row.correlation_id for row in rows}) == 1
    assert rows[0].correlation_id


def test_sign_ins_sign_outs_and_failures_are_kept(db):
    user = factories.supervisor()
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": "wrong"})
    client.post("/sign-in/", {"username": user.username, "password": "secret"})
    client.post("/sign-out/")
    events = list(AuditEntry.objects.filter(subject_type="auth.user").order_by("id").values_list("event", "actor"))
    assert events == [("sign_in_failed", "sign-in"), ("signed_in", user.username), ("signed_out", user.username)]


def test_a_change_in_the_admin_is_kept_with_who_and_what(partner):
    ops, person = factories.ops_manager(remit={"amount_per_decision": 750}), factories.supervisor()
    client = Client()
    client.force_login(ops)
    data = {"user": person.pk, "time_zone": "Europe/Amsterdam", "all_partners": "on", "currency": "USD", "languages": "[]",
            "amount_per_decision": "750.00", "amount_per_day": "900.00"}  # fmt: skip
    answer = client.post(f"/admin/policies/remit/{person.remit.pk}/change/", data)
    assert answer.status_code == 302
    row = AuditEntry.objects.get(subject_type="policies.remit", event="admin_changed")
    assert row.actor == ops.username
    assert row.details["fields"]["amount_per_decision"] == ["500.00", "750.00"]


def test_an_audit_row_names_the_request_it_came_from(api, customer):
    answer = api.put(f"/api/v1/customers/{customer.external_id}/", {"name": "New Name"}, format="json")
    row = AuditEntry.objects.get(event="mirrored", subject_id=str(customer.pk))
    assert row.correlation_id == answer["X-Request-Id"]
    assert row.actor_kind == "key"
