"""What becomes of a proposal: a draft, a certificate, a reason why not, and its page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apps.learning import practice, refinements
from apps.learning.models import Refinement, RefinementReport
from apps.policies import audit, checking, coaching, editing, granting, ramps, releases
from apps.policies.errors import Moved, Refused
from apps.policies.models import Guardrail, Rule
from tests import factories
from tests.conftest import browser, page
from tests.learning.test_refinements import later, work
from tests.learning.test_refining import pieces
from tests.policies.conftest import released

DISPUTED = [{"fact": "customer.disputes_12m", "operator": "≥", "value": 3}]
FINAL = [{"fact": "order.final_sale", "operator": "is", "value": True}]


class TestAccept:
    def test_a_draft_has_the_rule_before_what_people_decide_with_a_ramp(self, proven, ops, boundary):
        draft = refinements.accept(ops, proven.pk)
        assert draft.state == "draft"
        rules = list(Rule.objects.filter(version=draft, case_type="refund_exception").order_by("position"))
        granting = next(rule for rule in rules if rule.ramp is not None)
        assert (granting.handler, granting.action) == ("autonomous", "refund")
        behind = rules[rules.index(granting) + 1 :]
        assert [(rule.handler, rule.conditions) for rule in behind] == [("human", [])], (
            "people's exceptions stay in front"
        )
        assert granting.ceiling == proven.as_region().ceiling.amount
        assert [raw["fact"] for raw in granting.conditions] == [c.fact for c in proven.as_region().conditions]
        assert (granting.ramp.share, granting.ramp.boundary) == (10, boundary)
        assert "order.days_past_window" in granting.ramp.usual
        row = Refinement.objects.get(pk=proven.pk)
        assert (row.state, row.version, row.closed_by) == ("accepted", draft, ops)

    def test_a_draft_says_what_was_replayed(self, proven, ops, boundary):
        replayed = granting.policy_with(
            practice.practised(boundary), proven.rule(practice.practised(boundary)), after_granting=True
        )
        drafted = refinements.accept(ops, proven.pk).policy()

        def said(policy):
            return [replace(rule, key="", ramp=None) for rule in policy.rules if rule.case_type == "refund_exception"]

        assert said(replayed) == said(drafted)

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

    def test_after_a_grant_of_its_kind_was_stopped_it_cannot_be_accepted(self, proven, ops, boundary, now):
        ramp = ramps.start(boundary, proven.case_type, proven.action, "an earlier one", {})
        ramps.stop(ramp, "wrong too often", audit.system("test"), now + timedelta(minutes=1))
        with pytest.raises(Refused, match="stopped since"):
            refinements.accept(ops, proven.pk)

    def test_what_was_stopped_makes_room_and_can_be_proven_again(self, proven, ops, boundary, now):
        old = ramps.start(boundary, "refund_exception", "refund", "an earlier one", {})
        ramps.stop(old, "wrong too often", audit.system("test"), now - timedelta(days=30))
        with_it = releases.draft_from(ops, boundary)
        editing.save(ops, Rule(version=with_it, case_type="refund_exception", handler="autonomous", action="refund",
                               ceiling=100, ramp=old))  # fmt: skip
        policy = practice.practised(boundary)
        assert policy == boundary.active_version.policy()
        draft = coaching.draft_with(ops, boundary, Rule(case_type="refund_exception", action="refund", handler="autonomous",
                                                        ceiling=50, conditions=[]), "again", after_granting=True)  # fmt: skip
        assert not Rule.objects.filter(version=draft, ramp=old).exists()


class TestCertificate:
    """It survives only edits that are proved to lie inside it."""

    @pytest.fixture
    def draft(self, proven, ops):
        return refinements.accept(ops, proven.pk)

    def granting(self, draft):
        return Rule.objects.select_related("version__boundary").get(version=draft, ramp__isnull=False)

    def test_as_it_was_proven_it_has_no_problem(self, draft):
        assert checking.problems_of(draft) == []

    def test_a_narrower_rule_is_proven_too(self, draft, ops):
        rule = self.granting(draft)
        rule.ceiling -= 10
        rule.conditions = [*rule.conditions, {"fact": "order.final_sale", "operator": "is", "value": False}]
        editing.save(ops, rule)
        assert checking.problems_of(draft) == []

    @pytest.mark.parametrize("change", ["conditions", "ceiling"])
    def test_a_wider_one_cannot_be_submitted(self, draft, ops, change):
        rule = self.granting(draft)
        setattr(rule, change, [] if change == "conditions" else rule.ceiling + 1)
        editing.save(ops, rule)
        (problem,) = checking.problems_of(draft)
        assert problem.startswith(f"Rule {rule.position} goes beyond what was proven")
        with pytest.raises(Refused, match="beyond what was proven"):
            releases.submit(ops, draft)

    @pytest.fixture
    def disputed(self, judged, ops, boundary, now):
        """Proven where people's exception keeps those who dispute, and a guardrail final sales."""
        draft = releases.draft_from(ops, boundary)
        editing.save(ops, Guardrail(version=draft, conditions=FINAL))
        released(ops, factories.ops_manager(), draft)
        boundary.refresh_from_db()
        refinements.make_report(boundary, now)
        return Refinement.objects.filter(state="open").earliest("pk")

    @pytest.mark.parametrize(
        "edit", ["moved before them", "an exception deleted", "a guardrail deleted", "another ceiling"]
    )
    def test_it_does_not_survive_what_gives_it_other_cases(self, disputed, ops, edit):
        """What people's exceptions and guardrails kept from the AI was no evidence."""
        draft = refinements.accept(ops, disputed.pk)
        assert checking.problems_of(draft) == []
        rule, exception = (
            self.granting(draft),
            Rule.objects.get(version=draft, case_type="refund_exception", conditions=DISPUTED),
        )
        match edit:
            case "moved before them":
                while Rule.objects.get(pk=rule.pk).position > Rule.objects.get(pk=exception.pk).position:
                    editing.move(ops, Rule.objects.get(pk=rule.pk), up=True)
            case "an exception deleted":
                editing.delete(ops, exception)
            case "a guardrail deleted":
                editing.delete(ops, Guardrail.objects.get(version=draft, conditions=FINAL))
            case "another ceiling":
                rule.ceiling -= 1
                editing.save(ops, rule)
        problems = checking.problems_of(draft)
        if edit == "another ceiling":
            assert problems == [], "nothing of that takes anything from others"
        else:
            (problem,) = problems
            assert "would get cases that other rules or guardrails kept from it" in problem

    def test_what_a_rule_of_ones_own_grants_is_no_part_of_it(self, disputed, ops):
        draft = refinements.accept(ops, disputed.pk)
        vip = [{"fact": "customer.tier", "operator": "is", "value": "vip"}]
        own = Rule(
            version=draft,
            case_type="refund_exception",
            handler="autonomous",
            action="refund",
            ceiling=5,
            conditions=vip,
        )
        editing.save(ops, own)
        for _ in range(Rule.objects.filter(version=draft).count()):
            editing.move(ops, Rule.objects.get(pk=own.pk), up=True)
        assert checking.verification_of(draft).widens
        assert checking.problems_of(draft) == [], "two people answer for it"


class TestDismiss:
    def test_it_takes_a_reason_and_is_not_proposed_again_on_the_same_evidence(self, proven, ops, boundary, now):
        with pytest.raises(Refused, match="Say why not"):
            refinements.dismiss(ops, proven.pk, " ")
        refinements.dismiss(ops, proven.pk, "we change our terms next month")
        refinements.make_report(boundary, now)
        assert not Refinement.objects.filter(state="open").exists()

    def test_on_other_evidence_it_may_be(self, proven, ops, boundary, now, judged):
        refinements.dismiss(ops, proven.pk, "too early")
        judged[:] = later(pieces(16_000))
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
        work()
        assert RefinementReport.objects.count() == 2
