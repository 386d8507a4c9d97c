"""A boundary version is written by one person and approved by another, exactly as it is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, IntegrityError, transaction
from django.utils import timezone

from apps.policies import checking, compiled, editing, endings, releases
from apps.policies.errors import Refused
from apps.policies.models import (
    AuditEntry,
    Boundary,
    BoundaryVersion,
    Guardrail,
    Partner,
    Rule,
    VersionContributor,
)
from tests import factories

State = BoundaryVersion.State


@pytest.fixture
def boundary(partner: Partner) -> Boundary:
    assert partner.boundary is not None
    return partner.boundary


@pytest.fixture
def author(db):
    return factories.ops_manager()


@pytest.fixture
def other(db):
    return factories.ops_manager()


def refund_rule(version, **fields):
    return Rule(version=version, **{"case_type": "refund_exception", "handler": "autonomous", "action": "refund",
                                    "ceiling": Decimal("50.00"), **fields})  # fmt: skip


def test_a_draft_starts_as_a_copy_of_the_active_version(boundary, author):
    draft = releases.draft_from(author, boundary)
    assert draft.state == State.DRAFT
    assert draft.current_hash() == boundary.active_version.current_hash()


def test_a_released_version_rules_and_the_one_before_is_retired(boundary, author, other):
    before = boundary.active_version
    draft = releases.draft_from(author, boundary)
    editing.save(author, refund_rule(draft))
    releases.submit(author, draft)
    releases.approve(other, draft)
    releases.activate(author, draft)
    assert boundary.active_version.pk == draft.pk
    assert BoundaryVersion.objects.get(pk=before.pk).state == State.RETIRED


def limit_of_the_day(person, draft, amount):
    """Set the budget of the day, which is 2,000.00 in the demo boundary: more of it widens, less tightens."""
    budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = Decimal(amount)
    editing.save(person, budget)


def widening(person, boundary):
    draft = releases.draft_from(person, boundary)
    limit_of_the_day(person, draft, "3000.00")
    return draft


def edits(person, draft):
    editing.save(person, refund_rule(draft))


def annotates(person, draft):
    editing.annotate(person, draft, "for the sale week")


def submits(person, draft):
    releases.submit(person, draft)


@pytest.mark.parametrize("contributes", [edits, annotates, submits])
def test_any_part_in_what_widens_is_too_much_to_approve_it(boundary, author, other, contributes):
    draft = widening(author, boundary)
    contributes(other, draft)
    if contributes is not submits:
        releases.submit(author, draft)
    for contributor in (author, other):
        with pytest.raises(Refused, match="did not has to approve"):
            releases.approve(contributor, draft)


def test_who_only_made_the_draft_may_not_approve_it(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(other, draft, "3000.00")
    releases.submit(other, draft)
    with pytest.raises(Refused, match="did not has to approve"):
        releases.approve(author, draft)


def test_the_two_person_rule_holds_in_the_database_too(boundary, author, other):
    draft = widening(author, boundary)
    releases.submit(author, draft)
    with pytest.raises(Error, match="contributed to no part of it"), transaction.atomic():
        BoundaryVersion.objects.filter(pk=draft.pk).update(state=State.APPROVED, approved_by=author)
    with pytest.raises(Error, match="contributed to no part of it"), transaction.atomic():
        BoundaryVersion.objects.filter(pk=draft.pk).update(state=State.ACTIVE)
    with pytest.raises(Error, match="Cannot update or delete"), transaction.atomic():
        VersionContributor.objects.filter(version=draft, user=author).delete()
    assert releases.approve(other, draft).state == State.APPROVED


class TestTightening:
    def test_it_takes_one_person_and_is_at_once(self, boundary, author):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "500.00")
        released = releases.tighten(author, draft)
        assert (released.state, released.widens) == (State.ACTIVE, False)
        assert boundary.active_version.pk == draft.pk

    def test_what_widens_is_refused_and_stays_a_draft(self, boundary, author):
        draft = widening(author, boundary)
        with pytest.raises(Refused, match="a second person has to approve"):
            releases.tighten(author, draft)
        assert BoundaryVersion.objects.get(pk=draft.pk).state == State.DRAFT

    def test_the_verifier_decides_whether_a_rule_widens_not_its_author(self, boundary, author):
        draft = releases.draft_from(author, boundary)
        dead = refund_rule(draft)
        editing.save(author, dead)  # behind a rule for people that takes every case
        assert releases.submit(author, draft).widens is False
        other = releases.draft_from(author, boundary)
        first = refund_rule(other)
        editing.save(author, first)
        for _ in range(2):
            editing.move(author, first, up=True)
        assert releases.submit(author, other).widens is True

    def test_what_tightened_an_older_version_and_widens_a_newer_one_needs_two_after_all(self, boundary, author, other):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "1000.00")
        releases.submit(author, draft)
        approved = releases.approve(author, draft)
        narrower = releases.draft_from(author, boundary)
        limit_of_the_day(author, narrower, "100.00")
        releases.tighten(author, narrower)
        with pytest.raises(Refused, match="against that one this widens"):
            releases.activate(author, approved)
        releases.reject(author, approved, "look again")
        releases.submit(author, approved)
        releases.activate(author, releases.approve(other, approved))
        assert boundary.active_version.pk == approved.pk


class TestRollingBack:
    def test_to_a_narrower_version_it_is_at_once_and_by_one(self, boundary, author, other):
        before = boundary.active_version
        draft = widening(author, boundary)
        releases.submit(author, draft)
        releases.activate(author, releases.approve(other, draft))
        before = BoundaryVersion.objects.get(pk=before.pk)
        back = releases.roll_back(author, draft, before, "too many refunds")
        assert back.state == State.ACTIVE
        assert back.current_hash() == before.current_hash()

    def test_to_a_wider_version_it_waits_for_a_second_person(self, boundary, author, other):
        before = boundary.active_version
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "10.00")
        narrow = releases.tighten(author, draft)
        before = BoundaryVersion.objects.get(pk=before.pk)
        back = releases.roll_back(author, narrow, before, "it was fine")
        assert back.state == State.IN_REVIEW
        with pytest.raises(Refused, match="did not has to approve"):
            releases.approve(author, back)
        releases.activate(author, releases.approve(other, back))
        assert boundary.active_version.pk == back.pk

    def test_it_needs_a_reason(self, boundary, author):
        active = boundary.active_version
        with pytest.raises(Refused, match="Say why"):
            releases.roll_back(author, active, active, " ")


class TestEnds:
    @pytest.fixture
    def sale_week(self, boundary, author, other):
        draft = widening(author, boundary)
        releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(days=7))
        releases.submit(author, draft)
        return releases.activate(author, releases.approve(other, draft))

    def test_it_is_announced_once_a_day_before(self, sale_week):
        for hours in (1, 2, 3):
            endings.end_due(sale_week.ends_at - timedelta(hours=hours))
        assert AuditEntry.objects.filter(event="ends_soon", subject_id=str(sale_week.pk)).count() == 1
        assert BoundaryVersion.objects.get(pk=sale_week.pk).state == State.ACTIVE

    def test_at_its_end_what_it_replaced_rules_again_and_no_person_is_said_to_have_done_it(self, boundary, sale_week):
        assert endings.end_due(sale_week.ends_at) == 1
        assert endings.end_due(sale_week.ends_at) == 0
        back = boundary.active_version
        assert back.current_hash() == sale_week.replaced.current_hash()
        entries = AuditEntry.objects.filter(subject_type="policies.boundaryversion", subject_id=str(back.pk))
        assert {(entry.actor_kind, entry.actor) for entry in entries} == {("system", "release clock")}

    def test_an_end_in_the_past_is_refused(self, boundary, author):
        draft = releases.draft_from(author, boundary)
        with pytest.raises(Refused, match="lies in the future"):
            releases.plan(author, draft, share=100, ends_at=timezone.now())

    def test_tightening_in_the_week_keeps_the_end_and_takes_one(self, boundary, author, sale_week):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "2900.00")
        narrower = releases.tighten(author, draft)
        assert (narrower.ends_at, narrower.replaced) == (sale_week.ends_at, sale_week.replaced)
        endings.end_due(sale_week.ends_at)
        assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()

    def test_making_the_week_permanent_widens_however_little_it_gives(self, boundary, author, sale_week):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "2900.00")
        releases.plan(author, draft, share=100, ends_at=None)
        with pytest.raises(Refused, match="a second person has to approve"):
            releases.tighten(author, draft)

    def test_a_version_that_ended_itself_is_never_fallen_back_to(self, boundary, author, sale_week):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "2900.00")
        releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(hours=1))
        releases.tighten(author, draft)
        endings.end_due(sale_week.ends_at + timedelta(days=1))
        assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()


class TestShare:
    @pytest.fixture
    def tenth(self, boundary, author, other):
        draft = widening(author, boundary)
        releases.plan(author, draft, share=10, ends_at=None)
        releases.submit(author, draft)
        return releases.activate(author, releases.approve(other, draft))

    def test_it_rules_its_share_by_a_hash_that_never_moves_a_case(self, partner, tenth):
        in_force = compiled.policies_in_force([partner])[partner.pk]
        subjects = [f"case-{number}" for number in range(2000)]
        ruled = [in_force.ruling(subject).version_id for subject in subjects]
        assert 120 < ruled.count(tenth.pk) < 280
        assert set(ruled) == {tenth.pk, tenth.replaced.pk}
        assert ruled == [in_force.ruling(subject).version_id for subject in subjects]

    def test_it_is_raised_by_hand_and_the_cases_it_had_stay_its_own(self, partner, author, tenth):
        def its_own():
            in_force = compiled.policies_in_force([partner])[partner.pk]
            return {f"case-{n}" for n in range(500) if in_force.ruling(f"case-{n}").version_id == tenth.pk}

        before = its_own()
        releases.raise_share(author, tenth, 50)
        assert before < its_own()
        for share in (50, 40, 101):
            with pytest.raises(Refused, match="can be raised"):
                releases.raise_share(author, tenth, share)

    def test_another_version_for_all_cases_widens_what_the_other_ninety_percent_were(self, boundary, author, tenth):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "2900.00")
        releases.plan(author, draft, share=100, ends_at=None)
        assert releases.submit(author, draft).widens is True

    def test_share_and_end_are_part_of_what_is_approved(self, boundary, author, other):
        draft = widening(author, boundary)
        releases.plan(author, draft, share=10, ends_at=None)
        releases.submit(author, draft)
        with pytest.raises(Refused, match="change only in a draft"):
            releases.plan(author, draft, share=100, ends_at=None)
        approved = releases.approve(other, draft)
        BoundaryVersion.objects.filter(pk=draft.pk).update(share=100)
        with pytest.raises(Refused, match="not what was approved"):
            releases.activate(author, approved)


class TestSeen:
    def test_what_was_changed_since_it_was_opened_is_not_approved(self, boundary, author, other):
        draft = widening(author, boundary)
        seen = releases.submit(author, draft).release_hash()
        releases.reject(author, draft, "one more thing")
        limit_of_the_day(author, draft, "900000.00")
        releases.submit(author, draft)
        with pytest.raises(Refused, match="changed since you opened"):
            releases.approve(other, draft, seen=seen)

    def test_a_copy_of_a_draft_keeps_its_authors(self, boundary, author, other):
        draft = widening(author, boundary)
        copy = releases.draft_from(other, boundary, draft)
        releases.submit(other, copy)
        with pytest.raises(Refused, match="did not has to approve"):
            releases.approve(author, copy)

    def test_only_what_ruled_can_be_rolled_back_to(self, boundary, author):
        draft = widening(author, boundary)
        with pytest.raises(Refused, match="never ruled"):
            releases.roll_back(author, boundary.active_version, draft, "because")

    def test_a_hard_guardrail_that_came_meanwhile_holds(self, boundary, author, other):
        draft = releases.draft_from(author, boundary)
        limit_of_the_day(author, draft, "3000.00")
        releases.submit(author, draft)
        approved = releases.approve(other, draft)
        harder = releases.draft_from(author, boundary)
        refund = harder.rules.get(action="refund")
        refund.ceiling = Decimal("100.00")
        editing.save(author, refund)
        hard = Guardrail(version=harder, kind="ceiling", amount=Decimal("100.00"), actions=["refund"], hard=True)
        editing.save(author, hard)
        releases.tighten(author, harder)
        with pytest.raises(Refused, match="Another version was released since"):
            releases.activate(author, approved)


def test_a_guardrail_that_would_stop_everything_is_refused(boundary, author):
    draft = releases.draft_from(author, boundary)
    editing.save(author, Guardrail(version=draft, kind="never", conditions=[]))
    with pytest.raises(Refused, match="has no condition"):
        releases.submit(author, draft)


def test_a_hard_guardrail_on_what_a_customer_writes_is_refused(boundary, author):
    draft = releases.draft_from(author, boundary)
    public = {"fact": "message.public", "operator": "is", "value": True}
    editing.save(author, Guardrail(version=draft, kind="never", conditions=[public], hard=True))
    with pytest.raises(Refused, match="Make it not hard"):
        releases.submit(author, draft)


def test_a_rule_beyond_a_hard_guardrail_keeps_the_draft_from_being_submitted(boundary, author):
    draft = releases.draft_from(author, boundary)
    ceiling = draft.guardrails.get(kind=Guardrail.Kind.CEILING)
    ceiling.hard, ceiling.amount = True, Decimal("100.00")
    editing.save(author, ceiling)
    with pytest.raises(Refused, match="Rule 4 goes beyond the hard guardrail 3"):
        releases.submit(author, draft)


def test_a_rule_that_lets_the_ai_act_names_what_it_may_do():
    version = BoundaryVersion(boundary=Boundary(name="X"))
    rule = Rule(version=version, position=1, case_type="other", handler="autonomous", action="")
    assert "names no action" in " ".join(checking.problems_of_rule(rule))


def test_an_approval_names_the_content_and_an_edit_voids_it(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    releases.submit(author, draft)
    approved = releases.approve(other, draft)
    BoundaryVersion.objects.filter(pk=draft.pk).update(approved_hash="0" * 64)
    with pytest.raises(Refused, match="not what was approved"):
        releases.activate(author, approved)


def test_what_is_not_a_draft_cannot_be_edited_even_past_the_code(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    releases.submit(author, draft)
    with pytest.raises(Refused, match="only a draft can be edited"):
        editing.save(author, refund_rule(draft))
    with pytest.raises(Error, match="only while it is a draft"), transaction.atomic():
        Rule.objects.filter(version=draft).update(ceiling=Decimal("9999.00"))
    with pytest.raises(Error, match="only while it is a draft"), transaction.atomic():
        Guardrail.objects.filter(version=draft).delete()


def test_sending_back_needs_a_reason_and_forgets_the_approval(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    releases.submit(author, draft)
    releases.approve(other, draft)
    with pytest.raises(Refused, match="Say what has to change"):
        releases.reject(other, draft, " ")
    back = releases.reject(other, draft, "the ceiling is too high")
    assert (back.state, back.approved_by, back.approved_hash) == (State.DRAFT, None, "")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"conditions": [{"fact": "order.nonsense", "operator": "is", "value": True}]}, r"Rule \d+: There is no fact"),
        ({"conditions": [{"fact": "customer.tier", "operator": "is", "value": "iron"}]}, r"Rule \d+: customer tier is never"),
        ({"conditions": [{"fact": "message.sentiment", "operator": "is", "value": "positive"}]}, r"Rule \d+ lets the AI act because of sentiment"),
        ({"ceiling": None}, r"Rule \d+ lets the AI give money without a ceiling"),
    ],
)  # fmt: skip
def test_a_draft_with_a_bad_rule_is_refused_naming_rule_and_reason(boundary, author, fields, says):
    draft = releases.draft_from(author, boundary)
    editing.save(author, refund_rule(draft, **fields))
    with pytest.raises(Refused, match=says):
        releases.submit(author, draft)
    assert BoundaryVersion.objects.get(pk=draft.pk).state == State.DRAFT


def test_a_draft_without_rules_cannot_be_submitted(boundary, author):
    empty = Boundary.objects.create(name="Empty")
    with pytest.raises(Refused, match="no rules yet"):
        releases.submit(author, releases.draft_from(author, empty))


def test_at_most_one_version_is_active_in_the_database(boundary, author):
    with pytest.raises(IntegrityError), transaction.atomic():
        BoundaryVersion.objects.create(
            boundary=boundary, number=99, state=State.ACTIVE, widens=False, verification={"widens": False}
        )


def test_an_autonomous_rule_without_an_action_cannot_be_stored(boundary, author):
    draft = releases.draft_from(author, boundary)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rule.objects.create(version=draft, position=90, case_type="other", handler="autonomous", action="")


def test_a_draft_is_never_compiled_as_the_policy_in_force(boundary, author):
    draft = releases.draft_from(author, boundary)
    with pytest.raises(AssertionError):
        compiled.compiled_version(draft.pk, "")


def test_moving_a_rule_changes_the_order_within_its_type(boundary, author):
    draft = releases.draft_from(author, boundary)
    rules = list(draft.rules.filter(case_type="standard_return"))
    editing.move(author, rules[1], up=True)
    assert [rule.pk for rule in draft.rules.filter(case_type="standard_return")][:2] == [rules[1].pk, rules[0].pk]
