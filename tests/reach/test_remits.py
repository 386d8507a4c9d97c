"""What somebody may decide is written by another person, who gives no more than they have."""

import pytest

from apps.policies.models import AuditEntry, Remit
from tests import factories
from tests.conftest import browser, page


def widest(user):
    return {"user": user.pk, "time_zone": "UTC", "all_partners": "on", "currency": "USD", "languages": "[]",
            "amount_per_decision": "9999.00", "amount_per_day": "9999.00"}  # fmt: skip


@pytest.fixture
def olga(db):
    return factories.ops_manager(remit={"amount_per_decision": 9999, "amount_per_day": 9999})


def test_nobody_changes_their_own(olga):
    client, before = browser(olga), Remit.objects.values().get(user=olga)
    assert "Save" not in page(client, f"/admin/policies/remit/{olga.remit.pk}/change/")
    answer = client.post(f"/admin/policies/remit/{olga.remit.pk}/change/", widest(olga))
    assert answer.status_code == 403
    assert Remit.objects.values().get(user=olga) == before


@pytest.mark.parametrize(("whose", "made"), [("own", False), ("another's", True)])
def test_nobody_makes_their_own(olga, whose, made):
    user = olga if whose == "own" else factories.supervisor()
    user.remit.delete()
    browser(olga).post("/admin/policies/remit/add/", widest(user))
    assert Remit.objects.filter(user=user).exists() is made


def test_nobody_takes_over_anothers(olga):
    other = factories.supervisor()
    olga.remit.delete()
    nothing = {**widest(olga), "all_partners": "", "amount_per_decision": "0", "amount_per_day": "0"}
    browser(olga).post(f"/admin/policies/remit/{other.remit.pk}/change/", nothing)
    assert Remit.objects.get().user == other


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"all_partners": False}, "Your own remit is not all brands"),
        ({"currency": "EUR"}, "You give amounts in EUR"),
        ({"amount_per_decision": 9998}, "Your own remit has 9998.00 USD"),
        ({"amount_per_day": 9998}, "Your own remit has 9998.00 USD"),
    ],
)
def test_nobody_gives_more_than_they_have(db, own, words):
    giver = factories.ops_manager(remit={"amount_per_decision": 9999, "amount_per_day": 9999, **own})
    other = factories.supervisor()
    answer = browser(giver).post(f"/admin/policies/remit/{other.remit.pk}/change/", widest(other))
    assert words in answer.content.decode()
    assert Remit.objects.get(user=other).amount_per_day != 9999


def test_nor_a_brand_outside_their_own(partner, olga):
    Remit.objects.filter(user=olga).update(all_partners=False)
    other = factories.supervisor(remit={"all_partners": False})
    data = {**widest(other), "all_partners": "", "partners": [partner.pk]}
    answer = browser(olga).post(f"/admin/policies/remit/{other.remit.pk}/change/", data)
    assert f"Outside your own remit: {partner}." in answer.content.decode()
    assert not other.remit.partners.exists()


def test_of_another_person_it_is_changed_and_kept_in_the_audit_trail(olga):
    other = factories.supervisor(remit={"amount_per_day": 10})
    browser(olga).post(f"/admin/policies/remit/{other.remit.pk}/change/", widest(other))
    assert Remit.objects.get(user=other).amount_per_day == 9999
    entry = AuditEntry.objects.get(event="admin_changed", subject_type="policies.remit")
    assert entry.user == olga
    assert entry.details["fields"]["amount_per_day"] == ["10.00", "9999.00"]
