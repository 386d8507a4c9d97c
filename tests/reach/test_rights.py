"""Acts in the admin, posted by people without the right, or by a link: each is refused and changes nothing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.forms.models import model_to_dict
from django.utils import timezone

from apps.interactions import execution
from apps.interactions.models import Effect, Interaction
from apps.policies import partner_releases, pauses, releases, staff
from apps.policies.admin.boundaries import _ACTS
from apps.policies.models import AuditEntry, Boundary, BoundaryVersion, Partner, PartnerRelease, Pause
from tests import factories
from tests.conftest import STATUS, browser
from tests.interactions.test_execution import by_webhook, requested  # noqa: F401  # fixtures

NEEDED = {
    "submit": "change", "approve": "approve", "reject": "change", "activate": "activate", "plan": "change",
    "tighten": "activate", "shadow": "activate", "raise": "activate", "roll_back": "activate", "replay": "change",
    "parent": "change", "move_child": "change", "note": "change",
}  # fmt: skip
VERSION, RELEASE = "/admin/policies/boundaryversion/", "/admin/policies/partnerrelease/"


@pytest.fixture
def auditor(db):
    return browser(factories.UserFactory(role=staff.AUDITOR))


@pytest.fixture
def supervisor(db):
    return browser(factories.supervisor())


@pytest.fixture
def operator(db):
    return browser(factories.UserFactory(role=staff.OPERATOR))


@pytest.fixture
def ops(db):
    return browser(factories.ops_manager())


@pytest.fixture
def draft(partner):
    return releases.draft_from(factories.ops_manager(), partner.boundary)


@pytest.fixture
def proposed(partner):
    """A change of a brand's stage that waits for a second person."""
    content = {"case_type": "complaint", "stage": "live"}
    return partner_releases.propose(factories.ops_manager(), partner, "stage", content, "they are good at it")


@pytest.fixture
def pause(partner):
    return pauses.pause(factories.ops_manager(), "wrong dates", partner=partner)


@pytest.fixture
def nothing_changes():
    """Whatever the test does leaves boundaries, releases, pauses and what the audit trail says of them as they were."""

    def rows():
        audited = AuditEntry.objects.filter(subject_type__startswith="policies.")
        models = (Boundary.objects, BoundaryVersion.objects, PartnerRelease.objects, Pause.objects, audited)
        return [list(found.values()) for found in models]

    def check():
        assert rows() == before

    before = rows()
    return check


def test_every_act_on_a_version_says_here_what_it_needs():
    assert set(NEEDED) == set(_ACTS)


class TestVersions:
    @pytest.mark.parametrize("act", _ACTS)
    def test_an_auditor_moves_no_version(self, auditor, draft, nothing_changes, act):
        data = {"reason": "why", "note": "why", "share": "50", "child": draft.pk, "seen": draft.release_hash()}
        assert auditor.post(f"{VERSION}{draft.pk}/act/{act}/", data).status_code == 403
        nothing_changes()

    @pytest.mark.parametrize(("act", "right"), NEEDED.items())
    def test_each_act_takes_a_right_of_its_own(self, draft, act, right):
        person = factories.UserFactory()
        rights = Permission.objects.filter(content_type__app_label="policies", codename__endswith="_boundaryversion")
        person.user_permissions.set(rights.exclude(codename=f"{right}_boundaryversion"))
        assert browser(person).post(f"{VERSION}{draft.pk}/act/{act}/").status_code == 403

    @pytest.mark.parametrize("act", _ACTS)
    def test_a_link_moves_no_version(self, ops, draft, nothing_changes, act):
        assert ops.get(f"{VERSION}{draft.pk}/act/{act}/", {"note": "why", "share": "50"}).status_code == 302
        nothing_changes()

    def test_an_auditor_edits_no_rule(self, auditor, draft):
        rules = list(draft.rules.values())
        first = draft.rules.first()
        for act in ("add/", f"{first.pk}/", f"{first.pk}/move/", f"{first.pk}/delete/", "preview/"):
            assert auditor.post(f"{VERSION}{draft.pk}/rule/{act}").status_code == 403, act
        assert list(draft.rules.values()) == rules

    @pytest.mark.parametrize("kind", ["rule", "guardrail"])
    @pytest.mark.parametrize("act", ["move", "delete"])
    def test_a_link_moves_and_deletes_no_row(self, ops, draft, kind, act):
        rows = getattr(draft, f"{kind}s")
        before = list(rows.values())
        ops.get(f"{VERSION}{draft.pk}/{kind}/{rows.first().pk}/{act}/")
        assert list(rows.values()) == before

    def test_an_auditor_makes_no_draft_and_a_link_makes_none(self, auditor, ops, partner, nothing_changes):
        address = f"/admin/policies/boundary/{partner.boundary_id}/draft/"
        assert auditor.post(address).status_code == 403
        assert ops.get(address).status_code == 302
        nothing_changes()

    def test_an_auditor_deletes_no_boundary_and_a_link_deletes_none(self, auditor, ops):
        unused = Boundary.objects.create(name="Never used", currency="USD")
        address = f"/admin/policies/boundary/{unused.pk}/end/"
        assert auditor.post(address).status_code == 403
        assert ops.get(address).status_code == 302
        assert Boundary.objects.filter(pk=unused.pk).exists()

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_an_auditor_imports_nothing(self, auditor, draft, nothing_changes, method):
        text = auditor.get(f"{VERSION}{draft.pk}/yaml/").content.decode()
        assert getattr(auditor, method)(f"{VERSION}import/", {"text": text}).status_code == 403
        nothing_changes()

    @pytest.mark.parametrize("page", ["change", "yaml", "compare", "simulate", "replay"])
    def test_who_may_see_no_boundary_sees_no_version_in_any_form(self, auditor, operator, draft, page):
        assert auditor.get(f"{VERSION}{draft.pk}/{page}/").status_code == 200
        assert operator.get(f"{VERSION}{draft.pk}/{page}/").status_code == 403


class TestPartnerReleases:
    STAGE = {"case_type": "complaint", "stage": "live", "reason": "they are good at it"}

    @pytest.mark.parametrize("kind", PartnerRelease.Kind.values)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_an_auditor_proposes_nothing(self, auditor, partner, method, kind):
        answer = getattr(auditor, method)(f"{RELEASE}{partner.pk}/propose/{kind}/", self.STAGE)
        assert answer.status_code == 403
        assert not PartnerRelease.objects.exists()

    @pytest.mark.parametrize("act", ["agree", "withdraw"])
    def test_an_auditor_ends_none_and_a_link_ends_none(self, auditor, ops, proposed, nothing_changes, act):
        address = f"{RELEASE}{proposed.pk}/end/{act}/"
        assert auditor.post(address, {"reason": "why"}).status_code == 403
        assert ops.get(address, {"reason": "why"}).status_code == 302
        nothing_changes()

    @pytest.mark.parametrize(("act", "right"), [("agree", "agree"), ("withdraw", "change")])
    def test_agreeing_and_withdrawing_are_rights_of_their_own(self, proposed, nothing_changes, act, right):
        person = factories.UserFactory()
        rights = Permission.objects.filter(codename__endswith="_partnerrelease")
        person.user_permissions.set(rights.exclude(codename=f"{right}_partnerrelease"))
        assert browser(person).post(f"{RELEASE}{proposed.pk}/end/{act}/", {"reason": "why"}).status_code == 403
        nothing_changes()

    def test_a_supervisor_does_not_see_them(self, auditor, supervisor, proposed):
        assert auditor.get(f"{RELEASE}{proposed.pk}/change/").status_code == 200
        assert supervisor.get(f"{RELEASE}{proposed.pk}/change/").status_code == 403


class TestPauses:
    @pytest.mark.parametrize("role", [staff.AUDITOR, staff.SUPERVISOR, staff.SENIOR, staff.OPERATOR])
    def test_only_an_ops_manager_pauses_and_lifts(self, pause, nothing_changes, role):
        client = browser(factories.UserFactory(role=role))
        data = {"partner": "", "case_type": "", "action": "", "reason": "why"}
        assert client.post("/admin/policies/pause/add/", data).status_code == 403
        assert client.post(f"/admin/policies/pause/{pause.pk}/lift/", {"reason": "why"}).status_code == 403
        nothing_changes()

    def test_none_is_rewritten_not_even_by_an_ops_manager(self, ops, pause, nothing_changes):
        data = model_to_dict(pause, ["partner", "case_type", "action"]) | {"reason": "another reason"}
        assert ops.post(f"/admin/policies/pause/{pause.pk}/change/", data).status_code == 403
        nothing_changes()


@pytest.mark.parametrize("model", [Boundary, BoundaryVersion, Partner, PartnerRelease, Pause, AuditEntry])
def test_what_stays_on_record_is_not_deleted_even_by_an_administrator(proposed, pause, model):
    row = model.objects.first()
    administrator = browser(factories.UserFactory(is_superuser=True))
    address = f"/admin/policies/{model._meta.model_name}/{row.pk}/delete/"
    assert administrator.post(address, {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


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
