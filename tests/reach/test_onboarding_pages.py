"""A new brand in the admin: step by step, keys shown once, and what is missing before it goes live."""

import re

import pytest

from apps.interactions.demo import BOUNDARY
from apps.interactions.models import ApiKey
from apps.policies import staff
from apps.policies.models import Boundary, BoundaryVersion, Partner
from tests import factories
from tests.conftest import browser
from tests.interactions.api.test_limits import by

WIZARD = "/admin/new-brand/"
STEPS = {
    "brand": {"name": "Nord", "slug": "", "currency": "USD", "time_zone": "Europe/Amsterdam"},
    "calendar": {"opens_at": "09:00", "closes_at": "18:00", "staffed_weekdays": ["0", "1", "2"], "holidays": "2026-12-25"},
    "returns": {
        "return_window_days": "45", "return_fee": "3.50", "return_fee_clause": "A return costs 3.50.", "non_returnable": "gift card",
        "lost_after_days": "9",
    },
    "voice": {"voice_greeting": "Dag {name},", "voice_sign_off": "{brand}", "voice_formality": "neutral", "languages": "nl\nen"},
    "boundary": {"starter": "cautious"},
    "connections": {"webhook": "https://shop.example/remit", "contact": "ops@shop.example", "sandbox": "on"},
}  # fmt: skip


@pytest.fixture
def operator(partner):
    return browser(factories.UserFactory(role=staff.OPERATOR))


def walk(client, **changed):
    """Every step in turn; the answer to the last, or to the one that was refused."""
    answer = client.get(WIZARD)
    for name, fields in STEPS.items():
        said = {f"{name}-{field}": value for field, value in {**fields, **changed.get(name, {})}.items()}
        answer = client.post(WIZARD, {"brand_wizard-current_step": name, **said})
        if "problem" in answer.content.decode():
            return answer
    return answer


def test_a_brand_is_made_with_all_that_was_said_and_its_keys_work(operator, partner):
    chosen = Boundary.objects.get(name=BOUNDARY)
    answer = walk(operator, boundary={"boundary": chosen.pk})
    said = answer.content.decode()
    made = Partner.objects.get(slug="nord")
    assert (made.currency, made.time_zone, made.staffed_weekdays, made.boundary) == (
        "USD",
        "Europe/Amsterdam",
        [0, 1, 2],
        chosen,
    )
    terms = made.terms_versions.get(active=True)
    assert (terms.return_window_days, str(terms.return_fee), terms.non_returnable) == (45, "3.50", ["gift card"])
    assert made.languages == ["nl", "en"]
    shown = re.findall(r"rk_\w+_[\w-]+", said)
    assert len(shown) == 3
    assert {by(key).get("/api/v1/interactions/").status_code for key in shown} == {
        200,
        403,
    }  # the widget's reads nothing
    assert "no-store" in answer["Cache-Control"]
    assert "whsec_" in said
    assert made.sandbox.boundary == chosen


def test_a_new_boundary_from_a_starter_is_a_draft_that_grants_nothing(partner):
    walk(browser(factories.UserFactory(is_superuser=True)))
    made = Partner.objects.get(slug="nord")
    assert made.boundary.name == "Nord"
    assert made.boundary.versions.get().state == BoundaryVersion.State.DRAFT
    assert made.boundary.currency == "USD"


@pytest.mark.parametrize(
    ("step", "fields", "told"),
    [
        ("brand", {"name": ""}, "required"),
        ("brand", {"slug": "lumi"}, "another brand"),
        ("brand", {"currency": "eur"}, "three capital letters"),
        ("brand", {"currency": "EUR"}, "is in USD"),
        ("calendar", {"holidays": "25.12.2026"}, "is no date"),
        ("returns", {"return_fee_clause": "A return costs nothing."}, "say what a return costs"),
        ("calendar", {"opens_at": "25:00"}, "valid time"),
        ("voice", {"voice_greeting": "Hi {nam},"}, "{nam}"),
        ("boundary", {"starter": ""}, "Choose a boundary"),
        ("connections", {"webhook": "https://10.0.0.7/x"}, "public internet"),
    ],
)
def test_what_is_wrong_is_said_at_its_step_and_nothing_is_made(operator, step, fields, told):
    chosen = {} if step == "boundary" else {"boundary": {"boundary": Boundary.objects.get(name=BOUNDARY).pk}}
    answer = walk(operator, **{**chosen, step: fields})
    assert told in answer.content.decode()
    assert not Partner.objects.filter(name="Nord").exists()
    assert not Boundary.objects.filter(name="Nord").exists()


def test_what_the_last_step_refused_keeps_all_the_others(operator, partner):
    chosen = {"boundary": Boundary.objects.get(name=BOUNDARY).pk}
    walk(operator, boundary=chosen, connections={"webhook": "https://10.0.0.7/x"})
    again = {f"connections-{name}": value for name, value in STEPS["connections"].items()}
    answer = operator.post(WIZARD, {"brand_wizard-current_step": "connections", **again})
    assert "Nord is there" in answer.content.decode()
    assert (
        Partner.objects.get(slug="nord")
        .terms_versions.get(active=True)
        .lost_clause.startswith("A parcel without a scan for 9 days")
    )


def test_who_writes_no_boundaries_makes_none(operator):
    assert "ask an ops manager" in walk(operator).content.decode()
    assert not Boundary.objects.filter(name="Nord").exists()


def test_back_keeps_what_was_typed(operator):
    operator.get(WIZARD)
    first = {f"brand-{name}": value for name, value in STEPS["brand"].items()}
    operator.post(WIZARD, {"brand_wizard-current_step": "brand", **first})
    back = operator.post(WIZARD, {"brand_wizard-current_step": "calendar", "wizard_goto_step": "brand"})
    assert 'value="Nord"' in back.content.decode()


@pytest.mark.parametrize("role", [staff.OPS_MANAGER, staff.SUPERVISOR, staff.AUDITOR, staff.PARTNER])
def test_others_make_no_brands(partner, role):
    assert browser(factories.UserFactory(role=role)).get(WIZARD).status_code == 403


def test_who_looks_after_some_brands_makes_no_others(partner):
    operator = factories.UserFactory(role=staff.OPERATOR, remit={"all_partners": False})
    assert browser(operator).get(WIZARD).status_code == 403


class TestBeforeItGoesLive:
    def test_it_says_what_is_missing(self, operator, partner):
        said = operator.get(f"/admin/policies/partner/{partner.pk}/go-live/").content.decode()
        assert "0 of 9 done" in said
        assert "Somebody is on shift now" in said

    def test_a_key_to_its_sandbox_is_shown_once(self, operator, partner):
        answer = operator.post(f"/admin/policies/partner/{partner.pk}/go-live/")
        (key,) = re.findall(r"rk_test\w+_[\w-]+", answer.content.decode())
        assert by(key).get("/api/v1/interactions/")["Remit-Sandbox"] == "true"
        assert ApiKey.objects.get().partner == partner.sandbox

    def test_who_issues_no_keys_gets_none(self, partner):
        manager = browser(factories.UserFactory(role=staff.OPS_MANAGER))
        assert manager.get(f"/admin/policies/partner/{partner.pk}/go-live/").status_code == 200
        assert manager.post(f"/admin/policies/partner/{partner.pk}/go-live/").status_code == 403

    def test_another_brand_is_not_there(self, partner):
        stranger = browser(factories.UserFactory(role=staff.AUDITOR, remit={"all_partners": False}))
        assert stranger.get(f"/admin/policies/partner/{partner.pk}/go-live/").status_code == 404
