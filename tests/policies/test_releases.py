"""A boundary version is written by one person and approved by another, exactly as it is."""

from decimal import Decimal

import pytest
from django.db import Error, IntegrityError, transaction

from apps.policies import checking, compiled, editing, releases
from apps.policies.errors import Refused
from apps.policies.models import (
    Boundary,
    BoundaryVersion,
    Guardrail,
    Rule,
)
from tests.policies.conftest import limit_of_the_day, refund_rule, widening

State = BoundaryVersion.State


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

    def test_only_what_ruled_can_be_rolled_back_to(self, boundary, author):
        draft = widening(author, boundary)
        with pytest.raises(Refused, match="never ruled"):
            releases.roll_back(author, boundary.active_version, draft, "because")


def test_a_hard_guardrail_that_came_meanwhile_holds(boundary, author, other):
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
