"""A remit guards every door of a boundary: whose remit leaves out a brand under it changes nothing there."""

import pytest

from apps.policies import documents, editing, partner_releases, releases
from apps.policies.errors import Refused
from apps.policies.models import AuditEntry, BoundaryVersion, PartnerRelease
from tests import factories
from tests.policies.conftest import refund_rule, released, widening


@pytest.fixture
def stranger(partner):
    """Every right of an ops manager, and no brand."""
    return factories.ops_manager(remit={"all_partners": False})


@pytest.fixture
def versions(boundary, author, other):
    """One version of the boundary in each state, and the draft's first rule."""
    before = boundary.active_version
    active = released(author, other, widening(author, boundary))
    review = releases.submit(author, widening(author, boundary))
    approved = releases.approve(other, releases.submit(author, widening(author, boundary)))
    return {
        "retired": before,
        "active": active,
        "review": review,
        "approved": approved,
        "draft": widening(author, boundary),
    }


DOORS = {
    "draft from": lambda user, of: releases.draft_from(user, of["active"].boundary),
    "empty draft": lambda user, of: releases.empty_draft(user, of["active"].boundary),
    "import": lambda user, of: documents.import_draft(user, documents.to_yaml(of["active"])),
    "submit": lambda user, of: releases.submit(user, of["draft"]),
    "tighten": lambda user, of: releases.tighten(user, of["draft"]),
    "plan": lambda user, of: releases.plan(user, of["draft"], share=50, ends_at=None),
    "approve": lambda user, of: releases.approve(user, of["review"]),
    "reject": lambda user, of: releases.reject(user, of["review"], "no"),
    "shadow": lambda user, of: releases.start_shadow(user, of["approved"]),
    "activate": lambda user, of: releases.activate(user, of["approved"]),
    "raise the share": lambda user, of: releases.raise_share(user, of["active"], 100),
    "roll back": lambda user, of: releases.roll_back(user, of["active"], BoundaryVersion.objects.get(pk=of["retired"].pk), "why"),
    "move a child": lambda user, of: releases.move_child(user, of["active"], of["retired"]),
    "save a rule": lambda user, of: editing.save(user, refund_rule(of["draft"])),
    "delete a rule": lambda user, of: editing.delete(user, of["draft"].rules.first()),
    "move a rule": lambda user, of: editing.move(user, of["draft"].rules.last(), up=True),
    "note": lambda user, of: editing.annotate(user, of["draft"], "mine"),
    "parent": lambda user, of: editing.set_parent(user, of["draft"], None),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_a_boundary_of_another_brand_stays_as_it_is(stranger, versions, door):
    def written():
        rows = list(BoundaryVersion.objects.order_by("pk").values())
        return rows, list(versions["draft"].rules.values()), AuditEntry.objects.count()

    before = written()
    with pytest.raises(Refused, match="outside your remit"):
        DOORS[door](stranger, versions)
    assert written() == before


def test_nothing_of_another_brand_is_proposed_agreed_to_or_withdrawn(stranger, partner, author):
    content = {"case_type": "complaint", "stage": "live"}
    with pytest.raises(Refused, match="outside your remit"):
        partner_releases.propose(stranger, partner, "stage", content, "why")
    assert not PartnerRelease.objects.exists()
    release = partner_releases.propose(author, partner, "stage", content, "why")
    for end in (
        lambda: partner_releases.agree(stranger, release.pk),
        lambda: partner_releases.withdraw(stranger, release.pk, "no"),
    ):
        with pytest.raises(Refused, match="outside your remit"):
            end()
    assert PartnerRelease.objects.get().state == "open"


def test_the_brands_of_the_boundary_are_enough(stranger, partner, versions):
    stranger.remit.partners.add(partner)
    assert releases.plan(stranger, versions["draft"], share=50, ends_at=None).share == 50
