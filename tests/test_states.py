"""Every state × event of every machine: what is listed here happens, everything else is refused."""

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.interactions import blind, state_tables
from apps.interactions.models import ContextPacket, DecisionRecord, Effect, Escalation, Interaction, ReadingModel
from apps.learning.models import CaseAudit, Refinement, RefinementReport
from apps.policies import audit, partner_releases
from apps.policies.errors import Moved, Refused
from apps.policies.machines import edges, move
from apps.policies.models import BoundaryVersion, PartnerRelease
from tests import factories
from tests.conftest import STATUS

_OPEN = ("received", "classified", "resolving", "awaiting_decision", "awaiting_customer", "stalled", "resolved")
_ENDS = {"merge": "merged", "dismiss": "dismissed", "refer": "referred"}
_WORKING = ("received", "classified", "resolving")

# From the design, by hand: {(source, event): target}
EXPECTED: dict[type, dict[tuple[str, str], str]] = {
    Interaction: {
        ("received", "classify"): "classified",
        ("classified", "resolve_alone"): "resolving",
        ("awaiting_decision", "decide"): "resolving",
        ("resolving", "finish"): "resolved",
        ("resolved", "close"): "closed",
        ("resolved", "reopen"): "received",
        ("awaiting_decision", "hear_more"): "received",
        ("awaiting_customer", "hear_more"): "received",
        ("awaiting_customer", "give_up_waiting"): "closed",
        ("stalled", "retry"): "received",
        **{(state, "escalate"): "awaiting_decision" for state in _WORKING},
        **{(state, "ask_customer"): "awaiting_customer" for state in (*_WORKING, "awaiting_decision")},
        **{(state, "stall"): "stalled" for state in _WORKING},
        **{(state, event): target for state in _OPEN for event, target in _ENDS.items()},
    },
    ContextPacket: {
        ("gathering", "complete"): "ready",
        ("ready", "seal"): "sealed",
        ("gathering", "supersede"): "superseded",
        ("ready", "supersede"): "superseded",
    },
    Escalation: {
        ("open", "claim"): "claimed",
        ("claimed", "release"): "open",
        ("claimed", "finish"): "done",
        ("open", "cancel"): "cancelled",
        ("claimed", "cancel"): "cancelled",
    },
    DecisionRecord: {
        ("proposed", "second"): "decided",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("proposed", "void"): "voided",
        ("decided", "commit"): "committed",
        ("decided", "withdraw"): "withdrawn",
        ("decided", "void"): "voided",
        ("committed", "start"): "executing",
        ("executing", "succeed"): "executed",
        ("executing", "fail"): "failed",
        ("executed", "reverse"): "reversed",
    },
    Effect: {
        ("pending", "send"): "in_flight",
        ("pending", "refuse"): "refused",
        ("in_flight", "confirm"): "done",
        ("in_flight", "refuse"): "refused",
        ("in_flight", "lose_track"): "unknown",
        ("unknown", "confirm"): "done",
        ("unknown", "refuse"): "refused",
        ("done", "compensate"): "compensated",
    },
    PartnerRelease: {("open", "release"): "released", ("open", "withdraw"): "withdrawn"},
    BoundaryVersion: {
        ("draft", "submit"): "in_review",
        ("in_review", "approve"): "approved",
        ("in_review", "reject"): "draft",
        ("approved", "reject"): "draft",
        ("shadow", "reject"): "draft",
        ("approved", "shadow"): "shadow",
        ("shadow", "activate"): "active",
        ("active", "retire"): "retired",
    },
    CaseAudit: {
        ("open", "judge"): "judged",
        ("judged", "review"): "done",
        ("open", "expire"): "expired",
        ("judged", "expire"): "expired",
    },
    Refinement: {
        ("open", "accept"): "accepted",
        ("open", "dismiss"): "dismissed",
        ("open", "expire"): "expired",
    },
    ReadingModel: {
        ("challenger", "adopt"): "champion",
        ("challenger", "drop"): "dropped",
        ("champion", "retire"): "retired",
        ("retired", "bring_back"): "champion",
    },
}


def every_state_and_event():
    for model in state_tables.machines():
        events = sorted({edge.event for edge in edges(model)})
        for state, _ in model._meta.get_field("state").choices:
            for event in events:
                yield pytest.param(model, str(state), event, id=f"{model.__name__}-{state}-{event}")


@pytest.mark.parametrize(("model", "state", "event"), list(every_state_and_event()))
def test_every_state_and_event(model, state, event, monkeypatch):
    """The machine alone, its guards answering yes: they have tests of their own."""
    row = model(state=state)
    for transition in model._meta.get_field("state").transitions[model].values():
        for found in transition._django_fsm.transitions.values():
            monkeypatch.setattr(found, "conditions", [])
    target = EXPECTED[model].get((state, event))
    if target is None:
        with pytest.raises(Refused):
            move(row, event, actor=audit.system("test"))
        assert row.state == state
    else:
        getattr(row, event)()
        assert row.state == target


@pytest.mark.parametrize("model", state_tables.machines())
def test_nothing_is_missing_from_the_table(model):
    assert {(edge.source, edge.event): edge.target for edge in edges(model)} == EXPECTED[model]
    assert all(edge.who for edge in edges(model)), "every transition says who does it"


def test_the_published_page_is_the_code():
    page = Path(__file__).parents[1] / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == state_tables.markdown(), "run `make docs`"


@pytest.mark.parametrize(
    ("row", "event", "says"),
    [
        (Interaction(state="received"), "classify", "received"),
        (Interaction(state="received", id=1, merged_into_id=1), "merge", "received"),
        (Interaction(state="awaiting_customer"), "give_up_waiting", "awaiting customer"),
        (ContextPacket(state="gathering", content={"question": "?", "facts": [1]}), "complete", "gathering"),
        (Escalation(state="open"), "claim", "open"),
        (DecisionRecord(state="proposed", decided_by_id=7, second_by_id=7), "second", "proposed"),
        (DecisionRecord(state="proposed", decided_by_id=7), "reject", "proposed"),
    ],
)
def test_a_guard_that_says_no_refuses_with_a_sentence(row, event, says):
    with pytest.raises(Refused, match=says):
        move(row, event, actor=audit.system("test"))


@pytest.mark.parametrize("model", state_tables.machines())
def test_the_database_knows_the_states_too(model, escalated, arrive, monkeypatch):
    monkeypatch.setattr(blind, "drawn", lambda percent: True)  # and an audit
    arrive(STATUS, order=factories.OrderFactory(customer=escalated.interaction.customer))  # leaves decision and effect
    terms = factories.terms(escalated.partner, return_window_days=60)
    partner_releases.propose(factories.ops_manager(), escalated.partner, "terms", terms, "for a test")
    report = RefinementReport.objects.create(
        boundary=escalated.partner.boundary,
        number=1,
        made_at=timezone.now(),
        target=0.02,
        alpha=0.03,
        pieces=0,
        tested=0,
    )
    Refinement.objects.create(
        report=report, case_type="question", action="reply", region={}, steps=[], evidence_hash=""
    )
    ReadingModel.objects.create(
        version="1", built_with="", signature="", against="", labels=0, corrected=0, measured={}, made_at=timezone.now()
    )
    rows = model._base_manager.all()
    assert rows.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="nowhere")


def test_a_stale_row_is_not_moved(escalated):
    first, second = Escalation.objects.get(pk=escalated.pk), Escalation.objects.get(pk=escalated.pk)
    move(first, "cancel", actor=audit.system("test"))
    with pytest.raises(Moved, match="changed meanwhile"):
        move(second, "cancel", actor=audit.system("test"))
