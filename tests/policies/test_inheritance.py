"""Boundaries that inherit: types that a child mentions are its own, guardrails of both apply, and moving is a release."""

from decimal import Decimal
from itertools import pairwise

import pytest
from django.test import Client

from apps.policies import checking, documents, editing, releases
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Partner, Rule
from apps.policies.verification import verify
from tests import factories
from tests.conftest import STATUS


@pytest.fixture
def child(partner, author, other):
    """A small boundary over the demo one: complaints are its own, the rest is the parent's."""
    boundary = Boundary.objects.create(name="Child", currency="USD")
    draft = releases.draft_from(author, boundary)
    editing.set_parent(author, draft, partner.boundary.active_version)
    editing.save(author, Rule(version=draft, case_type="complaint", handler="human", seniority="senior"))
    releases.submit(author, draft)
    return releases.activate(author, releases.approve(other, draft))


def test_a_type_that_the_child_mentions_is_wholly_its_own_and_the_rest_the_parents(child, partner):
    policy, parent = child.policy(), partner.boundary.active_version.policy()
    assert [rule.key for rule in policy.rules_for("complaint")] == ["rule 1"]
    assert len(policy.rules_for("standard_return")) == len(parent.rules_for("standard_return")) == 3
    assert {guardrail.key for guardrail in policy.guardrails} == {f"parent {g.key}" for g in parent.guardrails}
    assert {limit.key for limit in policy.limits} == {f"parent {limit.key}" for limit in parent.limits}


def test_a_brand_under_the_child_is_ruled_by_both_and_the_trace_says_where_a_rule_comes_from(
    child, partner, arrive, order
):
    factories.released(partner, "boundary", boundary=child.boundary_id)
    partner.refresh_from_db()
    case = arrive(STATUS, order=order)
    assert case.handler == "autonomous"
    assert case.ruling.rule == "parent rule 2"
    assert "parent guardrail 1" in str(case.ruling.verdict["trace"])


def test_the_hash_names_the_parents_content_too(child, partner, author):
    alone = releases.draft_from(author, child.boundary)
    editing.set_parent(author, alone, None)
    assert BoundaryVersion.objects.get(pk=alone.pk).current_hash() != child.current_hash()


def test_a_child_stays_pinned_until_a_release_moves_it(child, partner, author, other):
    wider = releases.draft_from(author, partner.boundary)
    budget = wider.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = Decimal("5000.00")
    editing.save(author, budget)
    (found,) = checking.children_of(wider)
    assert found.verification.widens
    releases.submit(author, wider)
    wider = releases.activate(author, releases.approve(other, wider))
    before = child.boundary.active_version.policy()
    assert "2,000.00" in str([limit.in_words() for limit in before.limits])
    moved = releases.move_child(author, child, wider)
    assert (moved.state, moved.parent) == ("draft", wider)
    assert releases.submit(author, moved).widens
    with pytest.raises(Refused, match="did not has to approve"):
        releases.approve(author, moved)


def test_a_parent_that_a_child_could_not_follow_cannot_be_submitted(child, partner, author, other):
    own = releases.draft_from(author, child.boundary)
    refund = Rule(
        version=own, case_type="refund_exception", handler="autonomous", action="refund", ceiling=Decimal("140.00")
    )
    editing.save(author, refund)
    releases.submit(author, own)
    releases.activate(author, releases.approve(other, own))
    narrower = releases.draft_from(author, partner.boundary)
    rule = narrower.rules.get(action="refund")
    rule.ceiling = Decimal("50.00")
    editing.save(author, rule)
    ceiling = narrower.guardrails.get(kind=Guardrail.Kind.CEILING)
    ceiling.amount, ceiling.hard = Decimal("50.00"), True
    editing.save(author, ceiling)
    with pytest.raises(Refused, match="Child inherits from this boundary and could not follow: Rule 2 goes beyond"):
        releases.submit(author, narrower)


def test_a_draft_is_no_parent_and_nothing_inherits_from_itself(child, partner, author):
    draft = releases.draft_from(author, partner.boundary)
    with pytest.raises(Refused, match="never released"):
        editing.set_parent(author, releases.draft_from(author, child.boundary), draft)
    with pytest.raises(Refused, match="would be a circle"):
        editing.set_parent(author, draft, child)


class TestDeleting:
    def test_a_boundary_in_use_says_who_uses_it(self, partner, author, child):
        with pytest.raises(Refused, match="Lumi Skin uses this boundary"):
            editing.delete_boundary(author, partner.boundary)
        factories.released(partner, "boundary", boundary=None)
        with pytest.raises(Refused, match="Child inherit"):
            editing.delete_boundary(author, Boundary.objects.get(name="Lenient returns"))

    def test_one_that_nobody_used_goes(self, author):
        boundary = Boundary.objects.create(name="Mistake")
        client = Client()
        client.force_login(author)
        client.post(f"/admin/policies/boundary/{boundary.pk}/end/")
        assert not Boundary.objects.exists()


class TestStarters:
    def test_each_can_be_submitted_and_says_what_it_means(self, author):
        for name in documents.STARTERS:
            draft = documents.import_draft(author, documents.starter(name, boundary=f"New: {name}"))
            assert checking.problems_of(draft) == []
            assert draft.boundary.name == f"New: {name}"
            assert len(documents.meaning(name)) > 80

    def test_from_cautious_to_lenient_each_grants_at_least_what_the_one_before_does(self, author):
        policies = [documents.import_draft(author, documents.starter(name)).policy() for name in documents.STARTERS]
        for narrow, wide in pairwise(policies):
            autonomy = [
                c
                for c in verify(narrow, wide).changes
                if c.widens and c.kind in ("newly autonomous", "changed action or ceiling")
            ]
            assert autonomy == []
            assert verify(wide, narrow).widens

    def test_the_page_fills_one_in(self, author):
        client = Client()
        client.force_login(author)
        shown = client.get("/admin/policies/boundaryversion/import/?starter=standard&name=Autumn").content.decode()
        assert "boundary: &quot;Autumn&quot;" in shown
        assert "at most twice in 90 days for one customer" in shown


def test_children_are_shown_with_what_following_would_change(child, partner, author):
    client = Client()
    client.force_login(author)
    active = partner.boundary.active_version
    draft = releases.draft_from(author, partner.boundary)
    shown = client.get(f"/admin/policies/boundaryversion/{draft.pk}/change/").content.decode()
    assert "Child version 1" in shown
    assert "Following this version would change nothing for it." in shown
    own = client.get(f"/admin/policies/boundaryversion/{child.pk}/change/").content.decode()
    assert f"From {active}" in own
    assert Partner.objects.count() == 1
