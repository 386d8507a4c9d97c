"""Reach by API: what a person may on the screen, their own token may too, and nothing more."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.interactions import blind
from apps.interactions.models import DecisionRecord, Escalation, Note, UserToken
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import COMPLAINT, api_client, browser

BASE = "/api/v1/reach/"


def client_of(user, **fields):
    token = UserToken(user=user, name="desktop", **fields)
    token.issue()
    token.save()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.issued}")
    return client


@pytest.fixture
def sam(db):
    return factories.supervisor(username="sam")


@pytest.fixture
def tool(sam):
    return client_of(sam)


@pytest.fixture
def case(tool, escalated):
    return tool.post(f"{BASE}queue/next/").json()


@pytest.fixture
def act(tool, case):
    def post(name, by=None, **said):
        held = {"lease_token": case["lease_token"], "packet_version": case["packet_version"], **said}
        if name in ("release", "annotate"):
            held.pop("packet_version")
        if name == "annotate":
            held.pop("lease_token")
        return (by or tool).post(f"{BASE}escalations/{case['id']}/{name}/", held, format="json")

    return post


class TestToken:
    def test_without_one_nothing_opens(self, escalated):
        assert APIClient().get(f"{BASE}queue/").status_code == 401

    def test_a_brands_key_does_not_open_it_nor_a_token_the_brands_api(self, partner, tool):
        assert api_client(partner).get(f"{BASE}queue/").status_code == 401
        assert tool.get("/api/v1/interactions/").status_code == 401

    @pytest.mark.parametrize(
        "fields", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(minutes=1)}]
    )
    def test_a_revoked_and_an_expired_one_open_nothing(self, sam, fields):
        assert client_of(sam, **fields).get(f"{BASE}queue/").status_code == 401

    def test_who_may_not_log_in_any_more_may_not_this_way(self, sam, tool):
        sam.is_active = False
        sam.save()
        assert tool.get(f"{BASE}queue/").status_code == 401

    def test_who_may_not_decide_may_not_this_way(self, db):
        answer = client_of(factories.ops_manager()).get(f"{BASE}queue/")
        assert answer.status_code == 403

    def test_everybody_makes_and_sees_their_own_in_the_admin(self, sam):
        mine, other = browser(sam), browser(factories.supervisor(username="ines"))
        shown = mine.post("/admin/interactions/usertoken/add/", {"name": "desktop", "expires_at": ""})
        token = UserToken.objects.get()
        assert token.user == sam
        assert f"ru_{token.prefix}_" in shown.content.decode()
        assert other.get(f"/admin/interactions/usertoken/{token.pk}/change/").status_code == 302
        mine.post("/admin/interactions/usertoken/", {"action": "revoke", "_selected_action": [token.pk]})
        assert UserToken.objects.get().revoked_at
        assert AuditEntry.objects.filter(event="revoked").exists()


class TestQueue:
    def test_what_waits(self, tool, escalated):
        (row,) = tool.get(f"{BASE}queue/").json()["results"]
        assert (row["id"], row["question"], row["claimed_by"]) == (escalated.pk, escalated.headline, None)

    def test_of_the_remit_alone(self, escalated):
        other = factories.supervisor(remit={"all_partners": False})
        assert client_of(other).get(f"{BASE}queue/").json()["results"] == []
        assert client_of(other).post(f"{BASE}queue/next/").status_code == 204

    def test_the_next_is_claimed_and_comes_with_all_that_is_needed(self, case, escalated, sam):
        assert Escalation.objects.get().claimed_by == sam
        assert case["packet"]["options"]
        assert case["packet_version"] == 1

    def test_the_one_that_is_held_comes_first(self, tool, case):
        assert tool.post(f"{BASE}queue/next/").json()["id"] == case["id"]


class TestActs:
    def test_approve(self, act, sam):
        answer = act("approve")
        assert answer.status_code == 201
        record = DecisionRecord.objects.get()
        assert (record.how, record.decided_by, str(record.reference)) == ("approved", sam, answer.json()["id"])

    def test_modify_asks_for_what_is_other(self, act):
        assert act("modify").status_code == 409
        assert act("modify", reply="Dear Mira, we look into it and write tomorrow.").status_code == 201
        assert DecisionRecord.objects.get().how == "modified"

    def test_override_wants_a_reason(self, act):
        assert act("override", option=1).status_code == 409
        assert act("override", option=0).status_code == 422
        answer = act("override", option=1, reason_code="goodwill", wrong_part="action", rationale="A good customer.")
        assert answer.status_code == 201, answer.content
        assert DecisionRecord.objects.get().how == "overridden"

    def test_a_note(self, act, sam):
        assert act("annotate", text="Called her.").status_code == 201
        assert (Note.objects.get().by, Note.objects.get().text) == (sam, "Called her.")

    def test_release(self, act):
        assert act("release").status_code == 204
        assert Escalation.objects.get().claimed_by is None

    def test_without_the_lease_nothing_is_decided(self, act):
        answer = act("approve", lease_token="6b1f0e51-6b16-4a52-9b0e-0a52b1a0e6f1")
        assert answer.status_code == 409
        assert not DecisionRecord.objects.exists()

    def test_nor_on_a_packet_that_is_not_the_latest(self, act):
        assert act("approve", packet_version=2).status_code == 409

    def test_what_is_not_in_the_remit_never_was(self, act):
        other = client_of(factories.supervisor(username="other", remit={"all_partners": False}))
        for name in ("approve", "modify", "override", "annotate", "release", "judge"):
            assert act(name, by=other).status_code == 404

    def test_a_blind_case_shows_no_proposal_until_it_is_judged(self, tool, sam, arrive, order, monkeypatch):
        monkeypatch.setattr(blind, "drawn", lambda percent: True)
        arrive(COMPLAINT, order=order)
        case = tool.post(f"{BASE}queue/next/").json()
        assert case["blind"]
        assert "proposal" not in case["packet"]
        assert all("reply" not in option for option in case["packet"]["options"])
        base, held = f"{BASE}escalations/{case['id']}/", {"lease_token": case["lease_token"], "packet_version": 1}
        assert tool.post(f"{base}approve/", held, format="json").status_code == 409
        judged = tool.post(f"{base}judge/", {**held, "place": 0}, format="json")
        assert judged.status_code == 200, judged.content
        assert "proposal" in judged.json()["packet"]
        assert tool.post(f"{base}approve/", held, format="json").status_code == 201
