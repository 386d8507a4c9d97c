"""A person whose remit is one brand: nothing of another brand is shown to them, released, lifted or settled by them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import execution
from apps.interactions.demo import demo_partner
from apps.interactions.models import ApiKey, Effect, Interaction
from apps.policies import partner_releases, pauses, releases, staff
from apps.policies.admin.boundaries import _ACTS
from apps.policies.models import AuditEntry, BoundaryVersion, PartnerRelease, Pause
from tests import factories
from tests.conftest import STATUS, browser
from tests.interactions.test_execution import by_webhook, requested  # noqa: F401  # fixtures

LIVE = {"case_type": "complaint", "stage": "live"}


@pytest.fixture
def theirs(partner):
    """The one brand in the remit; it shares its boundary with the other, which is `partner`."""
    return demo_partner("oru", "Oru")


def limited_to(brands, role=staff.OPS_MANAGER):
    user = factories.UserFactory(role=role, remit={"all_partners": False})
    user.remit.partners.set(brands)
    return browser(user)


@pytest.fixture
def client(theirs):
    return limited_to([theirs])


def shown(client, address):
    return client.get(f"/admin/{address}").content.decode()


class TestVersions:
    @pytest.fixture
    def draft(self, partner):
        return releases.draft_from(factories.ops_manager(), partner.boundary)

    @pytest.mark.parametrize("act", _ACTS)
    def test_what_rules_another_brand_too_is_not_moved(self, client, draft, act):
        before = BoundaryVersion.objects.filter(pk=draft.pk).values().get(), AuditEntry.objects.count()
        data = {"reason": "why", "note": "why", "share": "50", "child": draft.pk, "seen": draft.release_hash()}
        address = f"/admin/policies/boundaryversion/{draft.pk}/act/{act}/"
        assert "outside your remit" in client.post(address, data, follow=True).content.decode()
        assert (BoundaryVersion.objects.filter(pk=draft.pk).values().get(), AuditEntry.objects.count()) == before

    def test_with_every_brand_of_the_boundary_in_the_remit_it_is(self, partner, theirs, draft):
        address = f"/admin/policies/boundaryversion/{draft.pk}/act/note/"
        assert limited_to([partner, theirs]).post(address, {"note": "for both"}).status_code == 302
        assert BoundaryVersion.objects.get(pk=draft.pk).note == "for both"


class TestPartnerReleases:
    @pytest.fixture
    def proposed(self, partner):
        return partner_releases.propose(factories.ops_manager(), partner, "stage", LIVE, "they are good at it")

    @pytest.mark.parametrize("kind", PartnerRelease.Kind.values)
    def test_none_is_proposed_for_another_brand(self, client, partner, kind):
        address = f"/admin/policies/partnerrelease/{partner.pk}/propose/{kind}/"
        assert client.get(address).status_code == 404
        assert client.post(address, {**LIVE, "reason": "why"}).status_code == 404
        assert not PartnerRelease.objects.exists()

    def test_one_is_for_ones_own(self, client, theirs):
        client.post(f"/admin/policies/partnerrelease/{theirs.pk}/propose/stage/", {**LIVE, "reason": "why"})
        assert PartnerRelease.objects.get().partner == theirs

    @pytest.mark.parametrize("act", ["agree", "withdraw"])
    def test_another_brands_is_not_ended(self, client, proposed, act):
        address = f"/admin/policies/partnerrelease/{proposed.pk}/end/{act}/"
        assert client.post(address, {"reason": "why"}).status_code == 404
        assert PartnerRelease.objects.get().state == "open"

    def test_another_brands_is_not_shown(self, client, partner, proposed):
        assert client.get(f"/admin/policies/partnerrelease/{proposed.pk}/change/").status_code == 404
        assert proposed.in_words not in shown(client, "policies/partnerrelease/")
        assert proposed.in_words in shown(limited_to([partner]), "policies/partnerrelease/")


class TestPauses:
    @pytest.fixture
    def paused(self, partner, theirs):
        """One pause of each brand, and one of every brand."""
        user = factories.ops_manager()
        scopes = {"other": partner, "own": theirs, "all": None}
        return {name: pauses.pause(user, f"dates of {name}", partner=brand) for name, brand in scopes.items()}

    def test_those_of_ones_own_brand_and_of_every_brand_are_shown(self, client, paused):
        page = shown(client, "policies/pause/")
        assert [f"/pause/{pause.pk}/change/" in page for pause in paused.values()] == [False, True, True]
        assert client.get(f"/admin/policies/pause/{paused['other'].pk}/change/").status_code == 302

    @pytest.mark.parametrize(("name", "asked"), [("other", False), ("all", False), ("own", True)])
    def test_only_those_of_ones_own_brand_are_lifted(self, client, paused, name, asked):
        client.post(f"/admin/policies/pause/{paused[name].pk}/lift/", {"reason": "mended"})
        assert (Pause.objects.get(pk=paused[name].pk).lift_asked_by is not None) is asked

    def test_the_banner_shows_the_same(self, theirs, paused):
        supervisor = limited_to([theirs], staff.SUPERVISOR)
        shown = supervisor.get("/reach/").content.decode()
        assert [f"dates of {name}" in shown for name in paused] == [False, True, True]

    def test_one_that_there_is_not_is_not_found(self, client):
        assert client.post("/admin/policies/pause/999999/lift/", {"reason": "mended"}).status_code == 404

    @pytest.mark.parametrize("name", ["other", "all"])
    def test_nor_are_they_the_second_person_for_another(self, client, paused, name):
        pauses.lift(factories.ops_manager(), paused[name].pk, "mended")
        client.post(f"/admin/policies/pause/{paused[name].pk}/lift/", {"reason": "mended"})
        assert Pause.objects.get(pk=paused[name].pk).lifted_at is None


class TestWithoutARemit:
    """Somebody new, for whom nobody has written a remit yet, sees no brand and no error."""

    @pytest.mark.parametrize("address", ["partner", "boundary", "partnerrelease", "pause", "ruling"])
    def test_every_list_opens(self, partner, address):
        user = factories.UserFactory(role=staff.OPS_MANAGER)
        user.remit.delete()
        assert browser(user).get(f"/admin/policies/{address}/").status_code == 200


class TestRecords:
    def test_another_brand_is_not_shown(self, client, partner, theirs):
        assert client.get(f"/admin/policies/partner/{partner.pk}/change/").status_code == 302
        page = shown(client, "policies/partner/")
        assert (theirs.name in page, partner.name in page) == (True, False)

    def test_nor_are_its_rulings(self, client, partner, arrive, order):
        case = arrive(STATUS, order=order)
        address = f"policies/ruling/{case.ruling_id}/change/"
        assert client.get(f"/admin/{address}").status_code == 302
        assert limited_to([partner]).get(f"/admin/{address}").status_code == 200

    def test_nobody_says_what_became_of_another_brands_effect(self, theirs, requested):  # noqa: F811
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        operator = limited_to([theirs], staff.OPERATOR)
        answer = operator.post(f"/admin/interactions/effect/{requested.pk}/settle/", {"outcome": "done"})
        assert answer.status_code == 404
        assert Effect.objects.get(pk=requested.pk).state == "unknown"

    def test_nobody_retries_another_brands_case(self, theirs, arrive, order):
        case = arrive(STATUS, order=order, work=False)
        Interaction.objects.update(state="stalled", due_at=None, attempts=4)
        data = {"action": "retry_stalled", "_selected_action": [case.pk]}
        limited_to([theirs], staff.OPERATOR).post("/admin/interactions/interaction/", data)
        assert Interaction.objects.get().state == "stalled"

    def test_nobody_revokes_another_brands_key(self, partner, theirs):
        key = factories.ApiKeyFactory(partner=partner)
        data = {"action": "revoke", "_selected_action": [key.pk]}
        limited_to([theirs], staff.OPERATOR).post("/admin/interactions/apikey/", data)
        assert ApiKey.objects.get().revoked_at is None
