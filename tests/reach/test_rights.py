"""Acts in the admin, posted by people without the right: each is refused and changes nothing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from apps.interactions import execution
from apps.interactions.models import Effect, Interaction
from apps.policies import releases, staff
from apps.policies.models import BoundaryVersion
from tests import factories
from tests.conftest import STATUS
from tests.interactions.test_execution import by_webhook, requested  # noqa: F401  # fixtures


def browser(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def auditor(db):
    return browser(factories.UserFactory(role=staff.AUDITOR))


@pytest.fixture
def draft(partner):
    return releases.draft_from(factories.ops_manager(), partner.boundary)


def test_an_auditor_edits_no_rule(auditor, draft):
    rules = list(draft.rules.values())
    base = f"/admin/policies/boundaryversion/{draft.pk}/rule/"
    first = draft.rules.first()
    for act in ("add/", f"{first.pk}/", f"{first.pk}/move/", f"{first.pk}/delete/", "preview/"):
        assert auditor.post(base + act).status_code == 403, act
    assert list(draft.rules.values()) == rules


def test_an_auditor_makes_no_draft(auditor, partner):
    assert auditor.post(f"/admin/policies/boundary/{partner.boundary_id}/draft/").status_code == 403
    assert not BoundaryVersion.objects.filter(state="draft").exists()


@pytest.mark.parametrize("act", ["submit", "approve", "reject", "activate", "note"])
def test_an_auditor_moves_no_version(auditor, draft, act):
    address = f"/admin/policies/boundaryversion/{draft.pk}/act/{act}/"
    assert auditor.post(address, {"reason": "why", "note": "why"}).status_code == 403
    assert BoundaryVersion.objects.get(pk=draft.pk).state == "draft"


@pytest.mark.parametrize("act", ["approve", "activate"])
def test_approving_and_activating_are_rights_of_their_own(draft, act):
    person = factories.ops_manager()
    person.groups.clear()
    others = Permission.objects.filter(codename__endswith="_boundaryversion").exclude(codename=f"{act}_boundaryversion")
    person.user_permissions.set(others)
    assert browser(person).post(f"/admin/policies/boundaryversion/{draft.pk}/act/{act}/").status_code == 403


@pytest.mark.parametrize("role", [staff.AUDITOR, staff.SUPERVISOR, staff.OPS_MANAGER])
def test_only_an_operator_says_what_became_of_an_effect(requested, role):  # noqa: F811
    Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    execution.look_up_overdue()
    client = browser(factories.UserFactory(role=role))
    answer = client.post(f"/admin/interactions/effect/{requested.pk}/settle/", {"outcome": "done", "reference": "R"})
    assert answer.status_code == 403
    assert Effect.objects.get(pk=requested.pk).state == "unknown"


def test_an_auditor_retries_nothing(auditor, arrive, order):
    case = arrive(STATUS, order=order, work=False)
    Interaction.objects.update(state="stalled", due_at=None, attempts=4)
    auditor.post("/admin/interactions/interaction/", {"action": "retry_stalled", "_selected_action": [case.pk]})
    assert Interaction.objects.get().state == "stalled"
