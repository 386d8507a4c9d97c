"""Refinement reports: from blind judgements to a proposal, and from there to a draft or a reason why not."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.learning import evidence, refinements, refining, tasks
from apps.learning.certification import alpha_of_report
from apps.learning.models import Refinement, RefinementReport
from apps.policies.errors import Moved, Refused
from apps.policies.models import Boundary, Rule
from tests import factories
from tests.conftest import browser, page
from tests.learning.test_refining import pieces


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def boundary(partner):
    return partner.boundary


@pytest.fixture
def judged(monkeypatch):
    """Stands for the evidence of the database, which is tested by itself."""
    found = pieces(8000)
    monkeypatch.setattr(evidence, "pieces_of", lambda partners, since, until: found)
    return found


@pytest.fixture
def proven(judged, boundary, now):
    refinements.make_report(boundary, now)
    return Refinement.objects.filter(state="open").earliest("pk")


@pytest.fixture
def ops(db):
    return factories.ops_manager()


class TestReport:
    def test_what_is_certified_is_proposed_with_what_it_rests_on(self, proven):
        assert (proven.case_type, proven.action) == ("refund_exception", "refund")
        assert "days past the window ≤" in proven.in_words()
        step = proven.steps[-1]
        assert step["reasons"] == []
        assert step["bound"] < 0.02
        assert step["supervisors"] == 5
        report = proven.report
        assert (report.number, report.alpha, report.pieces) == (1, alpha_of_report(1), 8000)
        assert report.tested >= len(proven.steps)

    def test_each_look_spends_less_and_ends_the_proposals_before(self, proven, boundary, now):
        second = refinements.make_report(boundary, now)
        assert (second.number, second.alpha) == (2, alpha_of_report(2))
        assert Refinement.objects.get(pk=proven.pk).state == "expired"

    def test_a_look_that_tests_nothing_spends_nothing(self, boundary, now, judged):
        everything, judged[:] = list(judged), []
        empty = refinements.make_report(boundary, now)
        assert (empty.number, empty.tested, empty.alpha) == (1, 0, 0.0)
        judged[:] = everything
        first = refinements.make_report(boundary, now)
        assert (first.number, first.alpha) == (2, alpha_of_report(1))
        assert refinements.make_report(boundary, now).alpha == alpha_of_report(2)

    def test_one_that_breaks_holds_up_nothing_and_is_tried_again(self, boundary, now, monkeypatch):
        answers = [None, []]  # first nothing that can be read
        monkeypatch.setattr(refining, "refine", lambda pieces, **more: answers.pop(0))
        tasks.sweep()
        assert not RefinementReport.objects.exists()
        assert refinements.make_due(now) == 1

    def test_it_is_made_once_a_week(self, boundary, now):
        tasks.sweep()
        tasks.sweep()
        assert RefinementReport.objects.count() == Boundary.objects.count() == 1
        assert refinements.make_due(now + timedelta(days=6)) == 0
        assert refinements.make_due(now + timedelta(days=8)) == 1

    def test_audits_and_what_is_granted_already_are_not_counted(self, judged, boundary, now):
        from dataclasses import replace

        judged[:] = [replace(one, how="audit") for one in judged[:4000]] + [
            replace(one, granted=True) for one in judged[4000:]
        ]
        assert refinements.make_report(boundary, now).pieces == 0

    def test_what_was_proven_stays_as_it_was(self, proven):
        for change in ({"region": {}}, {"steps": []}):
            with pytest.raises(DatabaseError), transaction.atomic():
                Refinement.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            RefinementReport.objects.update(number=7)


class TestAccept:
    def test_a_draft_has_the_rule_before_all_others_of_its_type(self, proven, ops):
        draft = refinements.accept(ops, proven.pk)
        assert draft.state == "draft"
        first = Rule.objects.filter(version=draft, case_type="refund_exception").order_by("position").first()
        assert (first.handler, first.action) == ("autonomous", "refund")
        assert first.ceiling == proven.as_region().ceiling.amount
        assert [raw["fact"] for raw in first.conditions] == [c.fact for c in proven.as_region().conditions]
        row = Refinement.objects.get(pk=proven.pk)
        assert (row.state, row.version, row.closed_by) == ("accepted", draft, ops)

    def test_it_is_accepted_once(self, proven, ops):
        refinements.accept(ops, proven.pk)
        with pytest.raises(Moved):
            refinements.accept(ops, proven.pk)

    def test_somebody_of_other_brands_cannot(self, proven):
        other = factories.ops_manager(remit={"all_partners": False})
        for act in (refinements.accept, lambda user, pk: refinements.dismiss(user, pk, "not ours")):
            with pytest.raises(Refused):
                act(other, proven.pk)
        assert Refinement.objects.get(pk=proven.pk).state == "open"


class TestDismiss:
    def test_it_takes_a_reason_and_is_not_proposed_again_on_the_same_evidence(self, proven, ops, boundary, now):
        with pytest.raises(Refused, match="Say why not"):
            refinements.dismiss(ops, proven.pk, " ")
        refinements.dismiss(ops, proven.pk, "we change our terms next month")
        refinements.make_report(boundary, now)
        assert not Refinement.objects.filter(state="open").exists()

    def test_on_other_evidence_it_may_be(self, proven, ops, boundary, now, judged):
        refinements.dismiss(ops, proven.pk, "too early")
        judged[:] = pieces(10_000)
        refinements.make_report(boundary, now)
        assert Refinement.objects.filter(state="open").exists()


class TestAdmin:
    def test_ops_managers_read_and_accept(self, proven, ops):
        client = browser(ops)
        assert "days past the window ≤" in page(client, "/admin/learning/refinement/")
        shown = page(client, f"/admin/learning/refinement/{proven.pk}/change/")
        assert "of them wrong" in shown
        assert "The target is 2 %" in shown
        data = {"action": "accept", "_selected_action": [proven.pk], "why": ""}
        client.post("/admin/learning/refinement/", data)
        assert Refinement.objects.get(pk=proven.pk).state == "accepted"

    def test_dismissing_without_a_reason_says_so(self, proven, ops):
        data = {"action": "dismiss", "_selected_action": [proven.pk], "why": ""}
        answer = browser(ops).post("/admin/learning/refinement/", data, follow=True)
        assert "Say why not" in answer.content.decode()
        assert Refinement.objects.get(pk=proven.pk).state == "open"

    def test_auditors_read_only_and_others_nothing(self, proven):
        auditor = browser(factories.UserFactory(role="Auditor"))
        assert "days past the window" in page(auditor, "/admin/learning/refinement/")
        auditor.post("/admin/learning/refinement/", {"action": "accept", "_selected_action": [proven.pk]})
        assert Refinement.objects.get(pk=proven.pk).state == "open"
        assert browser(factories.supervisor()).get("/admin/learning/refinement/").status_code in (302, 403)

    def test_a_report_out_of_turn(self, proven, ops):
        data = {"action": "look_again", "_selected_action": [proven.report_id], "why": ""}
        browser(ops).post("/admin/learning/refinementreport/", data)
        assert RefinementReport.objects.count() == 2
