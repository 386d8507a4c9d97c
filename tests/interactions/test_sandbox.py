"""A brand's sandbox: its AI acts there as it would, and nothing that happens there has an effect or counts for anything."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.interactions import claiming, duty, notifying, onboarding, submitting
from apps.interactions.models import Delivery, Effect, Escalation, Interaction, MailBox, Notice, SimulatedAction
from apps.interactions.remits import spent_today
from apps.learning import evidence, labels
from apps.learning.models import RefinementReport, Signal
from apps.policies import editing, partner_releases, releases
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion, Partner, Rule, Ruling, ShadowRuling, partners_of
from apps.policies.models.terms import TERMS_FIELDS
from apps.reach.tables import Chosen
from tests import factories
from tests.conftest import ACTOR, RETURN, browser, page
from tests.deciding import decide
from tests.interactions.api.test_limits import by


@pytest.fixture
def key(partner):
    """A key to the sandbox of a brand whose effects are its shop's."""
    Partner.objects.filter(pk=partner.pk).update(connector="webhook")
    return onboarding.sandbox(Partner.objects.get(pk=partner.pk), actor=ACTOR)


@pytest.fixture
def twin(key):
    return key.partner


@pytest.fixture
def order_there(twin):
    return factories.OrderFactory(customer=factories.CustomerFactory(partner=twin))


def send(twin, text, order, number=1):
    data = {
        "external_id": f"try-{number}", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
        "messages": [{"author": "customer", "text": text, "sent_at": timezone.now().isoformat()}], "sender_verified": True,
    }  # fmt: skip
    return submitting.submit_interaction(twin, data, actor=ACTOR).interaction


def test_its_keys_are_seen_to_be_of_a_sandbox_and_open_nothing_of_the_brand(key, partner, order):
    assert key.prefix.startswith("test")
    client = by(key.issued)
    answer = client.get(f"/api/v1/orders/{order.number}/")
    assert answer.status_code == 404
    assert client.get("/api/v1/interactions/")["Remit-Sandbox"] == "true"


def test_a_brand_has_one_and_as_many_keys_to_it_as_it_asks_for(key, partner):
    again = onboarding.sandbox(partner, actor=ACTOR)
    assert again.partner == key.partner
    assert again.issued != key.issued
    with pytest.raises(Refused):
        onboarding.sandbox(key.partner, actor=ACTOR)


def test_it_rules_as_the_brand_does_and_the_built_in_shop_acts(twin, order_there, drain):
    case = send(twin, RETURN, order_there)
    drain()
    done = Interaction.objects.get(pk=case.pk)
    assert (done.state, done.handler) == ("resolved", "autonomous")
    label = Effect.objects.get(decision__interaction=case, action="return_label")
    assert SimulatedAction.objects.get().key == label.key, "the shop of the brand heard nothing"
    assert done.ruling.version == Ruling.objects.get(partner=twin).version


@pytest.mark.parametrize(
    "change", [{"connector": "webhook"}, {"connector": "shop"}, {"blind_percent": 5}, {"audit_percent": 5}]
)
def test_the_database_lets_it_have_no_other_shop_and_give_no_evidence(twin, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        Partner.objects.filter(pk=twin.pk).update(**change)


def test_it_has_no_mailbox(twin):
    with pytest.raises(ValidationError, match="nothing leaves it"):
        MailBox(partner=twin, address="hello@nord.example").clean()


class TestNobodysWork:
    @pytest.fixture
    def waiting(self, twin, order_there, drain):
        order_there.delivered_at = timezone.now() - timedelta(days=47)
        order_there.save()
        send(twin, RETURN, order_there)
        drain()
        return Escalation.objects.get()

    def test_only_who_was_given_it_by_name_sees_it(self, waiting, twin):
        everywhere = factories.supervisor()
        assert not claiming.may_take(everywhere).exists()
        assert twin not in partners_of(everywhere)
        named = factories.supervisor(remit={"all_partners": False})
        named.remit.partners.add(twin)
        assert claiming.may_take(named).get() == waiting

    def test_a_notice_about_it_calls_nobody_else(self, waiting, twin):
        notice = Notice(partner=twin, kind=Notice.Kind.STALLED)
        assert not duty.covers(factories.supervisor(), notice)

    def test_what_is_decided_there_teaches_nothing(self, waiting, twin, drain):
        named = factories.supervisor(remit={"all_partners": False})
        named.remit.partners.add(twin)
        decide((named, claiming.claim(named, waiting.pk)))
        drain()
        assert not Signal.objects.exists()
        long_ago, soon = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)
        assert labels.labels_of(long_ago, soon) == []
        assert evidence.pieces_of(list(Partner.objects.real()), long_ago, soon) == []


class TestItFollowsItsBrand:
    def test_what_is_released_for_the_brand_is_so_in_its_sandbox(self, twin, partner, author, other):
        terms = partner.terms_versions.get(active=True)
        now = {name: getattr(terms, name) for name in TERMS_FIELDS}
        now |= {name: str(value) for name, value in now.items() if isinstance(value, Decimal)}
        release = partner_releases.propose(author, partner, "terms", {**now, "return_window_days": 99}, "the season")
        partner_releases.agree(other, release.pk)
        assert partner.terms_versions.get(active=True).return_window_days == 99
        assert twin.terms_versions.get(active=True).return_window_days == 99


class TestNothingOfItCounts:
    @pytest.fixture
    def named(self, twin):
        user = factories.supervisor(remit={"all_partners": False})
        user.remit.partners.add(twin)
        return user

    def test_a_shadow_learns_nothing_from_it(self, twin, order_there, drain, author, other):
        draft = releases.draft_from(author, twin.boundary)
        editing.save(author, Rule(version=draft, case_type="complaint", handler="human"))
        for act, user in ((releases.submit, author), (releases.approve, other), (releases.start_shadow, author)):
            act(user, BoundaryVersion.objects.get(pk=draft.pk))
        send(twin, RETURN, order_there)
        drain()
        assert not ShadowRuling.objects.exists()

    def test_no_pager_rings_for_it(self, twin, order_there, drain, settings):
        settings.NOTIFY_WEBHOOK = "http://127.0.0.1:1/notices"
        notifying.raise_notice(Notice.Kind.STALLED, "x", "x", "/x", timezone.now(), partner=twin)
        notifying.send(timezone.now())
        assert not Delivery.objects.exists()

    def test_what_somebody_decides_there_uses_up_nothing_of_theirs(self, twin, order_there, drain, named):
        order_there.delivered_at = timezone.now() - timedelta(days=47)
        order_there.save()
        send(twin, RETURN, order_there)
        drain()
        decide((named, claiming.claim(named, Escalation.objects.get().pk)))
        assert spent_today(named.remit, timezone.now()) == 0

    def test_it_is_in_nobodys_numbers(self, twin, order_there, drain, named):
        send(twin, RETURN, order_there)
        drain()
        assert Chosen(named, timezone.now() - timedelta(days=1)).cases().count() == 0

    def test_it_hides_no_report_of_the_boundary(self, twin, partner):
        RefinementReport.objects.create(
            boundary=partner.boundary, number=1, made_at=timezone.now(), target=0.02, alpha=0, pieces=0, tested=0
        )
        manager = factories.ops_manager(remit={"all_partners": False})
        manager.remit.partners.add(partner)
        assert str(RefinementReport.objects.get()) in page(browser(manager), "/admin/learning/refinementreport/")
