"""A boundary version is written by one person and approved by another, exactly as it is."""

from decimal import Decimal

import pytest
from django.db import Error, IntegrityError, transaction

from apps.policies import compiled, editing, releases
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Partner, Rule
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


def test_nobody_approves_what_they_worked_on(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    editing.save(other, refund_rule(draft))
    releases.submit(author, draft)
    for contributor in (author, other):
        with pytest.raises(Refused, match="did not has to approve"):
            releases.approve(contributor, draft)


def annotates(person, draft):
    editing.annotate(person, draft, "for the sale week")


def submits(person, draft):
    releases.submit(person, draft)


@pytest.mark.parametrize("contributes", [annotates, submits])
def test_any_part_in_it_is_too_much_to_approve(boundary, author, other, contributes):
    draft = releases.draft_from(author, boundary)
    contributes(other, draft)
    if contributes is annotates:
        releases.submit(author, draft)
    with pytest.raises(Refused, match="did not has to approve"):
        releases.approve(other, draft)


def test_who_only_made_the_draft_may_not_approve_it(boundary, author, other):
    draft = releases.draft_from(author, boundary)
    releases.submit(other, draft)
    with pytest.raises(Refused, match="did not has to approve"):
        releases.approve(author, draft)


def test_a_guardrail_that_would_stop_everything_is_refused(boundary, author):
    draft = releases.draft_from(author, boundary)
    editing.save(author, Guardrail(version=draft, kind="never", conditions=[]))
    with pytest.raises(Refused, match="has no condition"):
        releases.submit(author, draft)


def test_a_rule_that_lets_the_ai_act_names_what_it_may_do():
    rule = Rule(position=1, case_type="other", handler="autonomous", action="")
    assert "names no action" in " ".join(releases.problems_of_rule(rule))


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
        BoundaryVersion.objects.create(boundary=boundary, number=99, state=State.ACTIVE)


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
