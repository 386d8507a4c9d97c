"""A version that rules a share of the cases at first."""

import pytest
from django.db import Error, IntegrityError, transaction

from apps.policies import compiled, editing, releases
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion
from tests.policies.conftest import limit_of_the_day, refund_rule, released, widening

State = BoundaryVersion.State


def test_it_rules_its_share_by_a_hash_that_never_moves_a_case(partner, tenth):
    in_force = compiled.policies_in_force([partner])[partner.pk]
    subjects = [f"case-{number}" for number in range(2000)]
    ruled = [in_force.ruling(subject).version_id for subject in subjects]
    assert 120 < ruled.count(tenth.pk) < 280
    assert set(ruled) == {tenth.pk, tenth.replaced.pk}
    assert ruled == [in_force.ruling(subject).version_id for subject in subjects]


def test_it_is_raised_by_hand_and_the_cases_it_had_stay_its_own(partner, author, tenth):
    def its_own():
        in_force = compiled.policies_in_force([partner])[partner.pk]
        return {f"case-{n}" for n in range(500) if in_force.ruling(f"case-{n}").version_id == tenth.pk}

    before = its_own()
    releases.raise_share(author, tenth, 50)
    assert before < its_own()
    for share in (50, 40, 101):
        with pytest.raises(Refused, match="can be raised"):
            releases.raise_share(author, tenth, share)


def test_another_version_for_all_cases_widens_what_the_other_ninety_percent_were(boundary, author, tenth):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "2900.00")
    releases.plan(author, draft, share=100, ends_at=None)
    assert releases.submit(author, draft).widens is True


def test_share_and_end_are_part_of_what_is_approved(boundary, author, other):
    draft = widening(author, boundary)
    releases.plan(author, draft, share=10, ends_at=None)
    releases.submit(author, draft)
    with pytest.raises(Refused, match="change only in a draft"):
        releases.plan(author, draft, share=100, ends_at=None)
    releases.approve(other, draft)
    with pytest.raises(Error, match="only while it is a draft"), transaction.atomic():
        BoundaryVersion.objects.filter(pk=draft.pk).update(share=100)


def test_a_wider_share_of_a_newer_version_leaves_the_other_cases_to_the_one_before(
    boundary, partner, author, other, tenth
):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "4000.00")
    releases.plan(author, draft, share=50, ends_at=None)
    assert releases.submit(author, draft).widens is True
    half = releases.activate(author, releases.approve(other, draft))
    assert half.replaced == tenth
    in_force = compiled.policies_in_force([partner])[partner.pk]
    ruled = {in_force.ruling(f"case-{number}").version_id for number in range(100)}
    assert ruled == {half.pk, tenth.pk}


def test_a_smaller_share_leaves_them_to_what_ruled_them(boundary, author, other, tenth):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "2900.00")
    releases.plan(author, draft, share=5, ends_at=None)
    assert releases.tighten(author, draft).replaced == tenth.replaced


def test_without_a_version_before_the_other_cases_go_to_people(partner, author, other):
    boundary = Boundary.objects.create(name="First", currency="USD")
    draft = releases.draft_from(author, boundary)
    editing.save(author, refund_rule(draft))
    releases.plan(author, draft, share=10, ends_at=None)
    released(author, other, draft)
    partner.boundary = boundary
    in_force = compiled.policies_in_force([partner])[partner.pk]
    ruled = [in_force.ruling(f"case-{number}") for number in range(200)]
    assert 0 < sum(found is not None for found in ruled) < 60


def test_a_version_for_all_cases_widens_where_nothing_ruled_the_others(author, other):
    boundary = Boundary.objects.create(name="First", currency="USD")
    draft = releases.draft_from(author, boundary)
    editing.save(author, refund_rule(draft))
    releases.plan(author, draft, share=10, ends_at=None)
    released(author, other, draft)
    same = releases.draft_from(author, boundary)
    releases.plan(author, same, share=100, ends_at=None)
    assert releases.submit(author, same).widens is True


@pytest.mark.parametrize("state", sorted(set(State) - {State.ACTIVE}))
def test_only_the_share_of_an_active_version_is_raised(boundary, author, state):
    version = releases.draft_from(author, boundary)
    BoundaryVersion.objects.filter(pk=version.pk).update(
        state=state, share=10, widens=False, verification={"widens": False}
    )
    with pytest.raises(Refused, match="can be raised"):
        releases.raise_share(author, version, 50)
    assert BoundaryVersion.objects.get(pk=version.pk).share == 10


@pytest.mark.parametrize("share", [0, -1, 101])
def test_a_share_is_from_one_to_a_hundred_percent(boundary, author, share):
    draft = releases.draft_from(author, boundary)
    with pytest.raises(Refused, match="from 1 to 100"):
        releases.plan(author, draft, share=share, ends_at=None)


@pytest.mark.parametrize("share", [0, 101])
def test_so_it_is_in_the_database(boundary, author, share):
    draft = releases.draft_from(author, boundary)
    with pytest.raises(IntegrityError), transaction.atomic():
        BoundaryVersion.objects.filter(pk=draft.pk).update(share=share)
