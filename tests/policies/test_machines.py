"""One way through every state machine: a row that moved meanwhile is not moved again, and nothing of it is logged."""

import pytest

from apps.policies import releases
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import AuditEntry, Boundary, BoundaryVersion
from tests.conftest import ACTOR
from tests.policies.conftest import refund_rule

State = BoundaryVersion.State


@pytest.fixture
def pair(boundary, author):
    """Two versions in review, of two boundaries."""
    found = []
    for place in (boundary, Boundary.objects.create(name="Another", currency="USD")):
        draft = releases.draft_from(author, place)
        refund_rule(draft, position=90).save()
        found.append(releases.submit(author, draft))
    return found


def states(rows):
    return [BoundaryVersion.objects.get(pk=row.pk).state for row in rows]


def test_what_moved_since_it_was_read_is_not_moved(pair, author):
    stale = BoundaryVersion.objects.get(pk=pair[0].pk)
    releases.reject(author, pair[0], "one more thing")
    logged = AuditEntry.objects.count()
    with pytest.raises(Moved, match="has changed meanwhile"):
        move(stale, "reject", actor=ACTOR)
    assert states(pair[:1]) == [State.DRAFT]
    assert AuditEntry.objects.count() == logged


def test_of_several_rows_all_move_or_none(pair, author):
    stale = [BoundaryVersion.objects.get(pk=row.pk) for row in pair]
    releases.reject(author, pair[0], "one more thing")
    logged = AuditEntry.objects.count()
    with pytest.raises(Moved):
        move(stale, "reject", actor=ACTOR)
    assert states(pair) == [State.DRAFT, State.IN_REVIEW]
    assert AuditEntry.objects.count() == logged


def test_several_move_together_each_with_its_row_in_the_log(pair):
    logged = AuditEntry.objects.count()
    for row in pair:
        row.note = f"of {row.pk}"
    move(pair, "reject", actor=ACTOR, reason="both", save=("note",))
    assert states(pair) == [State.DRAFT, State.DRAFT]
    assert [BoundaryVersion.objects.get(pk=row.pk).note for row in pair] == [f"of {row.pk}" for row in pair]
    assert AuditEntry.objects.count() == logged + 2


def test_what_the_machine_does_not_allow_is_refused_in_words(boundary):
    with pytest.raises(Refused, match="is active: it cannot be “submit”"):
        move(boundary.active_version, "submit", actor=ACTOR)
