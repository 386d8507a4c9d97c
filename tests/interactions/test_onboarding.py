"""A new brand by one command: everything it needs, nothing that widens, and what is missing before it goes live."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.interactions import onboarding
from apps.interactions.demo import BOUNDARY, demo_partner
from apps.interactions.models import ApiKey, Shift, WebhookEndpoint
from apps.interactions.webhooks import signing
from apps.policies import stages
from apps.policies.models import Partner, PartnerStage, Pause, Ruling
from tests import factories
from tests.conftest import STATUS
from tests.interactions.api.test_interactions import URL, interaction
from tests.interactions.api.test_limits import by
from tests.learning.test_minimums import copied


@pytest.fixture
def boundary(partner):
    return BOUNDARY


def create(*more, **options):
    said = StringIO()
    call_command(
        "partner", "create", "nord", "--name", "Nord", "--boundary", BOUNDARY, "--json", *more, stdout=said, **options
    )
    return json.loads(said.getvalue())


class TestCreate:
    def test_its_keys_open_the_api_and_no_more_than_they_should(self, boundary):
        told = create("--time-zone", "Europe/Amsterdam", "--return-days", "45", "--languages", "nl,en")
        made = Partner.objects.get(slug="nord")
        assert (made.currency, made.time_zone, made.languages) == ("USD", "Europe/Amsterdam", ["nl", "en"])
        assert made.terms_versions.get(active=True).return_window_days == 45
        assert by(told["keys"]["back end"]).get(URL).status_code == 200
        widget = by(told["keys"]["chat widget"])
        assert widget.post(URL, interaction(), format="json").status_code == 202
        assert widget.put("/api/v1/customers/c/", {"tier": "vip"}, format="json").status_code == 403
        assert widget.get(URL).status_code == 403

    def test_people_do_everything_at_first(self, boundary):
        create()
        assert set(PartnerStage.objects.filter(partner__slug="nord").values_list("stage", flat=True)) == {"observe"}

    def test_its_webhook_has_a_secret_that_is_told_once(self, boundary):
        told = create("--webhook", "https://shop.example/remit", "--contact", "ops@shop.example")
        endpoint = WebhookEndpoint.objects.get()
        assert told["webhook_secret"] == signing.secret_of(endpoint.reference, 1)
        assert endpoint.contact == "ops@shop.example"

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--currency", "euro"), "currency"), (("--time-zone", "Mars"), "no time zone"), (("--languages", "dutch"), "two-letter"),
            (("--greeting", "Hi {customer}"), "Use {name}"), (("--webhook", "ftp://x"), "Write the address"),
            (("--weekdays", "Mon,Tue"), "0 is Monday"), (("--weekdays", "6,7"), "to 6, which is Sunday"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_and_nothing_is_made(self, boundary, more, said):
        with pytest.raises(CommandError, match=said):
            create(*more)
        assert not Partner.objects.filter(slug="nord").exists()
        assert not ApiKey.objects.filter(partner__slug="nord").exists()

    def test_one_that_is_there_is_not_made_again(self, boundary):
        create()
        with pytest.raises(CommandError, match="slug"):
            create()

    def test_a_boundary_that_is_not_there_says_which_are(self, boundary):
        with pytest.raises(CommandError, match=f"There are: {BOUNDARY}"):
            call_command("partner", "create", "nord", "--name", "Nord", "--boundary", "Strict")

    def test_a_person_reads_it_too(self, boundary):
        said = StringIO()
        call_command("partner", "create", "nord", "--name", "Nord", "--boundary", BOUNDARY, stdout=said)
        assert "not shown again" in said.getvalue()
        assert said.getvalue().count("rk_") == 3


class TestChecklist:
    def met(self, partner):
        return {check.label: check.met for check in onboarding.checklist(partner, timezone.now())}

    def test_a_new_brand_has_all_of_it_before_it(self, boundary):
        create()
        assert not any(self.met(Partner.objects.get(slug="nord")).values())
        with pytest.raises(CommandError, match="9 of 9 are missing"):
            call_command("partner", "checklist", "nord", stdout=StringIO())

    def test_what_is_so_counts(self, partner, arrive, order, monkeypatch):
        arrive(STATUS, order=order)
        now = timezone.now()
        Shift.objects.create(
            user=factories.supervisor(), kind="on", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1)
        )
        Pause.objects.create(partner=partner, reason="a try", paused_at=now, lifted_at=now, lifted_by=factories.ops_manager(),
                             lift_asked_by=factories.ops_manager())  # fmt: skip
        met = self.met(partner)
        assert met["Orders are in the mirror"]
        assert met["The shop said what became of an action"]
        assert met["A pause was tried, and lifted by two people"]
        assert met["Somebody is on shift now"]
        assert not met["Observed for at least 14 days"]
        assert Ruling.objects.count() == 1

    @pytest.mark.parametrize(("days", "met"), [(13, False), (14, True)])
    def test_it_is_observed_for_fourteen_days(self, partner, arrive, order, days, met):
        ruling = arrive(STATUS, order=order).ruling
        copied(ruling, timezone.now() - timedelta(days=days, minutes=1))
        assert self.met(partner)["Observed for at least 14 days"] == met

    def test_a_pause_that_nobody_lifted_or_of_another_brand_is_none_that_was_tried(self, partner):
        now = timezone.now()
        Pause.objects.create(partner=partner, reason="a try", paused_at=now)
        Pause.objects.create(
            partner=demo_partner("other", "Other"), reason="a try", paused_at=now, lifted_at=now,
            lifted_by=factories.ops_manager(), lift_asked_by=factories.ops_manager(),
        )  # fmt: skip
        assert not self.met(partner)["A pause was tried, and lifted by two people"]

    def test_only_what_was_decided_for_the_brand_counts(self, partner, boundary, monkeypatch):
        enough = stages.Known(decisions=500, blind=500, agreed=500)
        monkeypatch.setattr(
            stages, "known_of", lambda brand, case_type: enough if brand == partner.pk else stages.Known()
        )
        create()
        (label,) = [one for one in self.met(partner) if one.startswith("Decided as proposed")]
        assert self.met(partner)[label]
        assert not self.met(Partner.objects.get(slug="nord"))[label]

    def test_somebody_of_another_brand_on_shift_is_nobody_here(self, partner):
        now = timezone.now()
        other = factories.supervisor(remit={"all_partners": False})
        Shift.objects.create(
            user=other, kind="on", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1)
        )
        assert not self.met(partner)["Somebody is on shift now"]

    def test_a_brand_that_is_not_there(self, db):
        with pytest.raises(CommandError, match="no partner"):
            call_command("partner", "checklist", "nobody")
