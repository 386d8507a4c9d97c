"""What widens is approved by somebody who had no part in it, exactly as they saw it."""

from datetime import timedelta

import pytest
from django.db import Error, transaction
from django.utils import timezone

from apps.policies import editing, releases
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Rule, VersionContributor
from tests.policies.conftest import limit_of_the_day, refund_rule, widening

State = BoundaryVersion.State


def edits(person, draft):
    editing.save(person, refund_rule(draft))


def annotates(person, draft):
    editing.annotate(person, draft, "for the sale week")


def submits(person, draft):
    releases.submit(person, draft)


def deletes_a_rule(person, draft):
    editing.delete(person, draft.rules.filter(handler="human").last())


def deletes_a_guardrail(person, draft):
    editing.delete(person, draft.guardrails.exclude(kind=Guardrail.Kind.BUDGET).last())


def moves(person, draft):
    editing.move(person, draft.rules.filter(case_type="standard_return").last(), up=True)


def plans_a_share(person, draft):
    releases.plan(person, draft, share=50, ends_at=None)


def plans_an_end(person, draft):
    releases.plan(person, draft, share=100, ends_at=timezone.now() + timedelta(days=1))


def sets_a_parent(person, draft):
    parent = releases.draft_from(person, Boundary.objects.create(name="Parent", currency="USD"))
    editing.save(person, Rule(version=parent, case_type="other", handler="human"))
    editing.set_parent(person, draft, releases.tighten(person, parent))


@pytest.mark.parametrize(
    "contributes",
    [edits, annotates, submits, deletes_a_rule, deletes_a_guardrail, moves, plans_a_share, plans_an_end, sets_a_parent],
)
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


def test_what_was_changed_since_it_was_opened_is_not_approved(boundary, author, other):
    draft = widening(author, boundary)
    seen = releases.submit(author, draft).release_hash()
    releases.reject(author, draft, "one more thing")
    limit_of_the_day(author, draft, "900000.00")
    releases.submit(author, draft)
    with pytest.raises(Refused, match="changed since you opened"):
        releases.approve(other, draft, seen=seen)


def test_a_copy_of_a_draft_keeps_its_authors(boundary, author, other):
    draft = widening(author, boundary)
    copy = releases.draft_from(other, boundary, draft)
    releases.submit(other, copy)
    with pytest.raises(Refused, match="did not has to approve"):
        releases.approve(author, copy)
