"""A release with an end: what rules after it, and what the log says of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.policies import editing, endings, releases
from apps.policies.errors import Refused
from apps.policies.models import AuditEntry, Boundary, BoundaryVersion, Rule
from tests.policies.conftest import limit_of_the_day, released

State = BoundaryVersion.State


def until(author, other, boundary, ends_at, amount="9000.00"):
    """A version that is wider still, until a moment."""
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, amount)
    releases.plan(author, draft, share=100, ends_at=ends_at)
    return released(author, other, draft)


def test_it_is_announced_once_a_day_before(sale_week):
    for hours in (1, 2, 3):
        endings.end_due(sale_week.ends_at - timedelta(hours=hours))
    assert AuditEntry.objects.filter(event="ends_soon", subject_id=str(sale_week.pk)).count() == 1
    assert BoundaryVersion.objects.get(pk=sale_week.pk).state == State.ACTIVE


def test_at_its_end_what_it_replaced_rules_again_and_no_person_is_said_to_have_done_it(boundary, sale_week):
    assert endings.end_due(sale_week.ends_at) == 1
    assert endings.end_due(sale_week.ends_at) == 0
    back = boundary.active_version
    assert back.current_hash() == sale_week.replaced.current_hash()
    entries = AuditEntry.objects.filter(subject_type="policies.boundaryversion", subject_id=str(back.pk))
    assert {(entry.actor_kind, entry.actor) for entry in entries} == {("system", "release clock")}


def test_an_end_in_the_past_is_refused(boundary, author):
    draft = releases.draft_from(author, boundary)
    with pytest.raises(Refused, match="lies in the future"):
        releases.plan(author, draft, share=100, ends_at=timezone.now())


def test_tightening_in_the_week_keeps_the_end_and_takes_one(boundary, author, sale_week):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "2900.00")
    narrower = releases.tighten(author, draft)
    assert (narrower.ends_at, narrower.replaced) == (sale_week.ends_at, sale_week.replaced)
    endings.end_due(sale_week.ends_at)
    assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()


def test_making_the_week_permanent_widens_however_little_it_gives(boundary, author, sale_week):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "2900.00")
    releases.plan(author, draft, share=100, ends_at=None)
    with pytest.raises(Refused, match="a second person has to approve"):
        releases.tighten(author, draft)


def test_a_version_that_ended_itself_is_never_fallen_back_to(boundary, author, sale_week):
    draft = releases.draft_from(author, boundary)
    limit_of_the_day(author, draft, "2900.00")
    releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(hours=1))
    releases.tighten(author, draft)
    endings.end_due(sale_week.ends_at + timedelta(days=1))
    assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()


def test_what_comes_back_keeps_its_own_end_and_what_it_replaced(boundary, author, other, sale_week):
    night = until(author, other, boundary, timezone.now() + timedelta(days=1), "2950.00")
    BoundaryVersion.objects.filter(pk=night.pk).update(replaced=sale_week)
    endings.end_due(night.ends_at)
    back = boundary.active_version
    assert back.current_hash() == sale_week.current_hash()
    assert (back.ends_at, back.share, back.replaced) == (sale_week.ends_at, 100, sale_week.replaced)
    endings.end_due(sale_week.ends_at)
    assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()


def test_what_comes_back_rules_the_share_that_it_had(boundary, author, other, tenth):
    week = until(author, other, boundary, timezone.now() + timedelta(days=7))
    assert week.replaced == tenth
    endings.end_due(week.ends_at)
    back = boundary.active_version
    assert (back.share, back.replaced) == (10, tenth.replaced)
    assert back.current_hash() == tenth.current_hash()


def test_what_ended_while_a_longer_release_ruled_does_not_come_back(boundary, author, other, sale_week):
    longer = until(author, other, boundary, sale_week.ends_at + timedelta(days=7))
    assert longer.replaced == sale_week
    endings.end_due(longer.ends_at)
    assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()


def test_a_first_version_leaves_nothing_that_rules(author, other):
    boundary = Boundary.objects.create(name="Short", currency="USD")
    draft = releases.draft_from(author, boundary)
    editing.save(author, Rule(version=draft, case_type="complaint", handler="human"))
    releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(days=7))
    week = released(author, other, draft)
    assert endings.end_due(week.ends_at) == 1
    assert boundary.active_version is None
    assert boundary.versions.get().state == State.RETIRED


def test_one_that_cannot_end_keeps_no_other_from_ending(boundary, author, other, sale_week, monkeypatch, caplog):
    broken = Boundary.objects.create(name="Broken", currency="USD")
    first = releases.draft_from(author, broken, sale_week.replaced)
    released(author, other, first)
    stays = until(author, other, broken, sale_week.ends_at)
    copy = releases.copy_of

    def fails(source, target, **note):
        if target == broken:
            raise ValueError("unreadable")
        return copy(source, target, **note)

    monkeypatch.setattr(releases, "copy_of", fails)
    assert endings.end_due(sale_week.ends_at) == 1
    assert boundary.active_version.current_hash() == sale_week.replaced.current_hash()
    assert broken.active_version == stays
    assert f"version {stays.pk} could not end" in caplog.text
    monkeypatch.undo()
    assert endings.end_due(sale_week.ends_at) == 1
    assert broken.active_version != stays


def test_a_second_sweep_at_the_same_moment_ends_nothing_again(boundary, sale_week):
    seen = BoundaryVersion.objects.select_related("boundary", "replaced").get(pk=sale_week.pk)
    endings.end_due(sale_week.ends_at)
    versions = boundary.versions.count()
    assert endings._fall_back(seen, sale_week.ends_at) is False
    assert boundary.versions.count() == versions


def test_before_its_end_it_stays(boundary, sale_week):
    assert endings.end_due(sale_week.ends_at - timedelta(seconds=1)) == 0
    assert boundary.active_version == sale_week


def test_an_end_that_passed_before_the_release_is_refused(boundary, author, other, sale_week, monkeypatch):
    draft = releases.draft_from(author, boundary)
    releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(hours=1))
    releases.submit(author, draft)
    releases.approve(other, draft)
    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    with pytest.raises(Refused, match="lies in the future"):
        releases.activate(author, draft)
    assert boundary.active_version == sale_week
