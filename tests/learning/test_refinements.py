"""Refinement reports: from blind judgements to a proposal, and from there to a draft or a reason why not."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django_q.models import OrmQ

from apps.interactions import onboarding
from apps.learning import evidence, practice, proposing, refinements, refining, replays, reporting, tasks, tightening
from apps.learning.certification import alpha_of_report
from apps.learning.models import Refinement, RefinementReport, ReportRun
from apps.learning.region import Region
from apps.learning.tightening import LOOKING_BACK
from apps.policies import audit, ramps, releases, replaying
from apps.policies.conditions import Condition
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Rule, SoughtKind
from apps.policies.specs import RuleSpec
from apps.policies.words import Handler, Seniority
from tests import factories
from tests.conftest import browser, page
from tests.learning.test_refining import pieces


def later(found):
    """The same, judged after now."""
    return [replace(one, judged=replace(one.judged, on=one.judged.on + timedelta(days=400))) for one in found]


def work():
    """What a worker would do."""
    for run in ReportRun.objects.filter(status="waiting"):
        reporting.run(run.pk)


class TestReport:
    def test_what_is_certified_is_proposed_with_what_it_rests_on(self, proven):
        assert (proven.case_type, proven.action) == ("refund_exception", "refund")
        assert "days past the window ≤" in proven.in_words()
        step = proven.steps[-1]
        assert step["reasons"] == []
        assert step["bound"] < 0.02
        assert step["supervisors"] == 5
        report = proven.report
        assert (report.number, report.alpha) == (1, alpha_of_report(1))
        assert 1000 < report.pieces < 8000, "what a guardrail keeps from the AI is no evidence for it"
        assert report.tested >= len(proven.steps)

    def test_the_same_evidence_is_tested_once_and_a_certificate_stays(self, proven, boundary, now):
        second = refinements.make_report(boundary, now)
        assert (second.number, second.tested, second.alpha) == (2, 0, 0.0)
        assert Refinement.objects.get(pk=proven.pk).state == "open"

    def test_each_look_spends_less_and_what_is_proven_again_is_proposed_anew(self, proven, boundary, now, judged):
        judged[:] = later(pieces(16_000))
        second = refinements.make_report(boundary, now)
        assert second.alpha == alpha_of_report(2)
        assert Refinement.objects.filter(report=second).exists()
        assert Refinement.objects.get(pk=proven.pk).state == "expired"

    @pytest.mark.parametrize(("part", "state"), [(100, "open"), (2, "expired")])
    def test_a_proposal_that_what_was_judged_since_speaks_against_ends(
        self, proven, boundary, now, judged, part, state
    ):
        region = proven.as_region()
        inside = [one for one in judged if region.holds(one.facts, one.amount)][:100]
        judged += [
            replace(one, judged=replace(one.judged, case=f"n{n}", customer=f"n{n}", on=now.date() + timedelta(days=n % 9), wrong=n % part == 0))
            for n, one in enumerate(inside)
        ]  # fmt: skip
        refinements.make_report(boundary, now)
        assert Refinement.objects.get(pk=proven.pk).state == state

    def test_what_a_check_of_the_case_keeps_from_the_ai_is_no_evidence_for_a_rule(self, judged, boundary, now):
        judged[:] = [replace(one, passes=False) for one in judged]
        assert refinements.make_report(boundary, now).pieces == 0

    def test_how_many_more_it_takes_is_told_by_the_test_that_failed(self):
        failed = SimpleNamespace(
            certified=False, more_needed=None, reasons=("judgements of 1 people, at least 2 are needed",)
        )
        found = refining.Finding("complaint", "refund", (Region(),), (failed,), 0)
        assert refinements._waiting(found)["more_needed"] is None
        assert refinements._waiting(found)["because"] == list(failed.reasons)
        shown = render_to_string("admin/learning/_waiting.html", {"waiting": [refinements._waiting(found)]})
        assert "no number of cases would prove it as it stands; judgements of 1 people" in shown
        assert refinements._waiting(replace(found, certificates=()))["more_needed"] == 0

    def test_it_is_proven_for_the_versions_that_made_enough_of_it(self):
        def made(count, *versions):
            return [replace(one, made_with=versions) for one in pieces(count)]

        inside = [
            *made(600, "classifier a", "drafter x"),
            *made(40, "classifier b", "drafter x"),
            *made(1, "classifier c", "drafter y"),
        ]
        assert proposing._made_with(inside) == ["classifier a", "classifier b", "drafter x"]
        assert proposing._made_with(made(3, "classifier a", "drafter x")) == ["classifier a", "drafter x"], (
            "of few those that made most"
        )

    def test_a_proposal_that_nobody_decides_expires(self, proven, boundary, now):
        refinements.make_report(boundary, now + timedelta(weeks=14))
        assert Refinement.objects.get(pk=proven.pk).state == "expired"

    def test_a_look_that_tests_nothing_spends_nothing(self, boundary, now, judged):
        everything, judged[:] = list(judged), []
        empty = refinements.make_report(boundary, now)
        assert (empty.number, empty.tested, empty.alpha) == (1, 0, 0.0)
        judged[:] = everything
        first = refinements.make_report(boundary, now)
        assert (first.number, first.alpha) == (2, alpha_of_report(1))

    def test_where_more_would_tell_more_is_judged_blind(self, boundary, now, judged):
        judged[:] = pieces(2400)
        report = refinements.make_report(boundary, now)
        (sought,) = SoughtKind.objects.filter(boundary=boundary)
        assert (sought.case_type, sought.action, sought.percent) == ("refund_exception", "refund", 75)
        assert report.tested == 0
        assert report.waiting[0]["more_needed"] > 0
        judged[:] = []
        refinements.make_report(boundary, now)
        assert not SoughtKind.objects.exists()

    def test_what_was_judged_before_a_grant_was_stopped_proves_nothing(self, judged, boundary, now):
        ramp = ramps.start(boundary, "refund_exception", "refund", "report 1", {})
        ramps.stop(ramp, "wrong too often", audit.system("test"), now)
        assert refinements.make_report(boundary, now).pieces == 0

    def test_one_that_breaks_holds_up_nothing_and_is_tried_again(self, boundary, now, monkeypatch):
        answers = [None, []]  # first nothing that can be read
        monkeypatch.setattr(refining, "refine", lambda pieces, **more: answers.pop(0))
        tasks.sweep()
        work()
        failed = ReportRun.objects.get()
        assert (failed.status, failed.error.split(":")[0]) == ("failed", "TypeError")
        assert not RefinementReport.objects.exists()
        assert reporting.ask_due(now) == 0, "not at once"
        assert reporting.ask_due(now + timedelta(hours=2)) == 1
        work()
        assert RefinementReport.objects.exists()

    def test_a_step_of_the_sweep_that_breaks_keeps_no_other_from_its_turn(self, boundary, monkeypatch):
        def broken(now):
            raise ValueError

        monkeypatch.setattr(tasks, "STEPS", (broken, *tasks.STEPS))
        tasks.sweep()
        assert ReportRun.objects.filter(boundary=boundary).exists()

    def test_it_is_made_once_a_week(self, boundary, now):
        tasks.sweep()
        tasks.sweep()
        work()
        tasks.sweep()
        work()
        assert RefinementReport.objects.count() == Boundary.objects.count() == 1
        assert reporting.ask_due(now + timedelta(days=6)) == 0
        assert reporting.ask_due(now + timedelta(days=8)) == 1

    def test_it_says_how_far_it_is(self, judged, boundary, now):
        heard = []
        refinements.make_report(boundary, now, lambda step, percent: heard.append((step, percent)))
        assert [percent for _, percent in heard] == sorted(percent for _, percent in heard)
        assert heard[0] == ("reading what was judged", 0)
        assert ("looking for regions, 0 of 1 types and actions", 30) in heard

    def test_one_that_is_under_way_is_not_asked_for_twice(self, boundary, ops):
        assert reporting.ask(ops, boundary) == reporting.ask(None, boundary)
        assert ReportRun.objects.count() == 1

    def test_outside_a_persons_remit_none_is_asked_for(self, boundary):
        with pytest.raises(Refused, match="remit"):
            reporting.ask(factories.ops_manager(remit={"all_partners": False}), boundary)
        assert not ReportRun.objects.exists()

    def test_of_a_sandbox_nothing_is_read(self, boundary, partner, now, monkeypatch):
        twin, read = onboarding.sandbox(partner, actor=audit.system("test")).partner, []
        assert twin.boundary == boundary
        monkeypatch.setattr(evidence, "pieces_of", lambda partners, since, until: read.extend(partners) or [])
        refinements.make_report(boundary, now)
        assert read == [partner]

    def test_one_whose_worker_was_lost_is_given_up(self, boundary, now):
        ReportRun.objects.create(boundary=boundary, asked_at=now, status="running", started_at=now - timedelta(hours=1))
        assert reporting.give_up_lost(now) == 1
        assert reporting.ask(None, boundary).status == "waiting"

    def test_the_page_tells_how_far_it_is(self, boundary, now, ops, proven):
        address = "/admin/learning/refinementreport/"
        client = browser(ops)
        client.post(address, {"action": "look_again", "_selected_action": [proven.report_id]})
        told = page(client, address)
        assert "waiting for a worker" in told
        assert 'hx-trigger="every 1s"' in told
        work()
        told = page(client, f"{address}runs/")
        assert "Report 2 of Lenient returns</a> is made." in told
        assert "hx-trigger" not in told

    def test_audits_and_what_is_granted_now_are_not_counted(self, judged, boundary, now):
        everything = list(judged)
        judged[:] = [replace(one, how="audit") for one in everything]
        assert refinements.make_report(boundary, now).pieces == 0
        judged[:] = [replace(one, case_type="order_status", action="reply", amount=None) for one in everything]
        assert refinements.make_report(boundary, now).pieces == 0

    def test_what_was_proven_stays_as_it_was(self, proven):
        for change in ({"region": {}}, {"steps": []}):
            with pytest.raises(DatabaseError), transaction.atomic():
                Refinement.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            RefinementReport.objects.update(number=7)


class TestTightening:
    @pytest.fixture
    def wrong_lately(self, judged, now):
        """Answers that the AI gave and audits found wrong."""
        status = {"case_type": "order_status", "action": "reply", "amount": None}
        rows = [replace(one, how="audit", granted=True, **status) for one in later(judged)]
        judged[:] = [replace(one, judged=replace(one.judged, on=now.date())) for one in rows]
        return judged

    def test_dismissed_it_comes_again_when_a_third_of_the_mistakes_are_new(
        self, wrong_lately, boundary, now, ops, monkeypatch
    ):
        refinements.make_report(boundary, now)
        refinements.dismiss(ops, Refinement.objects.get(kind="tighten").pk, "the new courier is back to normal")
        few, many = (
            [
                replace(one, judged=replace(one.judged, case=f"new {n}", customer=f"new {n}"))
                for n, one in enumerate(wrong_lately) if n % part == 0
            ]
            for part in (10, 1)
        )  # fmt: skip
        wrong_lately += few
        refinements.make_report(boundary, now)
        assert Refinement.objects.filter(kind="tighten").count() == 1
        found = tightening.tighten(wrong_lately)
        shifted = [replace(one, region=Region((Condition("order.days_past_window", "≥", 16),))) for one in found[:1]]
        monkeypatch.setattr(refinements, "tighten", lambda *args, **kwargs: shifted)
        refinements.make_report(boundary, now)
        assert Refinement.objects.filter(kind="tighten").count() == 1, "nor with a limit that has moved"
        monkeypatch.setattr(refinements, "tighten", tightening.tighten)
        wrong_lately += many
        refinements.make_report(boundary, now)
        assert Refinement.objects.filter(kind="tighten").count() == 2

    def test_what_is_older_than_eight_weeks_is_not_asked(self, wrong_lately, boundary, now):
        long_ago = (now - LOOKING_BACK - timedelta(days=1)).date()
        wrong_lately[:] = [replace(one, judged=replace(one.judged, on=long_ago)) for one in wrong_lately]
        refinements.make_report(boundary, now)
        assert not Refinement.objects.filter(kind="tighten").exists()

    def test_what_is_granted_and_wrong_too_often_is_proposed_to_be_given_back(self, wrong_lately, boundary, now, ops):
        refinements.make_report(boundary, now)
        row = Refinement.objects.get(kind="tighten")
        assert "Order status: no more reply" in row.in_words()
        assert len(row.rests_on["differing"]) > len(row.rests_on["agreeing"]) == 5
        draft = refinements.accept(ops, row.pk)
        first = Rule.objects.filter(version=draft, case_type="order_status").order_by("position").first()
        assert (first.handler, first.ramp) == ("human", None)

    def test_what_was_judged_before_it_was_given_back_proves_nothing_any_more(self, wrong_lately, boundary, now, ops):
        refinements.make_report(boundary, now)
        draft = refinements.accept(ops, Refinement.objects.get(kind="tighten").pk)
        assert ("order_status", "reply") not in practice.stops_of(boundary), "a draft rules nothing"
        releases.tighten(ops, draft)
        boundary = Boundary.objects.get(pk=boundary.pk)
        assert practice.stops_of(boundary)["order_status", "reply"] == boundary.active_version.activated_at
        wrong_lately[:] = [
            replace(one, how="blind", granted=False, judged=replace(one.judged, wrong=False)) for one in wrong_lately
        ]
        assert refinements.make_report(boundary, now).pieces == 0

    def test_it_takes_nothing_from_seniors(self, wrong_lately, boundary, now, ops):
        refinements.make_report(boundary, now)
        row = Refinement.objects.get(kind="tighten")
        policy = practice.practised(boundary)
        assert row.rule(policy).seniority == "any"
        seniors = RuleSpec("s", "order_status", (), Handler.HUMAN, seniority=Seniority.SENIOR)
        assert row.rule(replace(policy, rules=(*policy.rules, seniors))).seniority == "senior"


class TestReplay:
    def test_each_proposal_has_one_before_anybody_accepts_it(self, escalated, proven, ops):
        address = f"/admin/learning/refinement/{proven.pk}/change/"
        assert "A worker is at it" in page(browser(ops), address)
        assert replays.attach(proven.report_id) == Refinement.objects.filter(report=proven.report).count()
        told = Refinement.objects.get(pk=proven.pk).replay["result"]
        assert told["rulings"] == 1
        assert told["exact"] == {"checked": 1, "wrong": 0, "examples": []}
        assert "All 1 rulings of the active version are reproduced exactly." in page(browser(ops), address)

    def test_it_says_which_cases_would_be_the_ais(self, escalated, proven, ops):
        late = {"fact": "order.days_past_window", "operator": "≤", "value": "400"}
        everything = {"conditions": [late], "ceiling": {"amount": "9999.00", "currency": "USD"}}
        report, kept = proven.report, proven
        wide = Refinement.objects.create(
            report=report, case_type=kept.case_type, action=kept.action, region=everything, steps=kept.steps,
            evidence_hash="w",
        )  # fmt: skip
        replays.attach(report.pk)
        told = Refinement.objects.get(pk=wide.pk).replay["result"]
        (flip,) = told["flips"]
        assert (flip["before"], flip["rule_after"], flip["count"]) == ("human", "the proposal", 1)
        assert told["kept_back"] == 1  # another check kept it from being the AI's alone then

    def test_it_is_attached_once(self, proven):
        replays.attach(proven.report_id)
        assert replays.attach(proven.report_id) == 0

    def test_one_that_breaks_says_why_and_is_not_tried_for_ever(self, proven, ops, monkeypatch):
        monkeypatch.setattr(replaying, "compared", lambda *args: 1 / 0)
        assert replays.attach(proven.report_id) == 1
        told = page(browser(ops), f"/admin/learning/refinement/{proven.pk}/change/")
        assert "It could not be replayed: ZeroDivisionError" in told
        assert replays.attach(proven.report_id) == 0

    def test_one_whose_worker_was_lost_is_asked_for_again(self, proven, now):
        before = OrmQ.objects.count()
        replays.attach_missing(now)
        assert OrmQ.objects.count() == before
        replays.attach_missing(now + timedelta(hours=2))
        assert OrmQ.objects.count() == before + 1
