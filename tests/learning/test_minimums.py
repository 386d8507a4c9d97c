"""Audits of rules without a ramp: a weekly minimum, drawn with a probability that is known before."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import blind, onboarding
from apps.interactions.demo import demo_partner
from apps.learning import minimums, tasks
from apps.learning.models import CaseAudit, RuleAudits
from apps.policies import audit
from apps.policies.models import BoundaryVersion, Partner, Ruling
from tests import factories
from tests.conftest import STATUS
from tests.interactions.test_sandbox import send as send_to
from tests.policies.conftest import tenth  # noqa: F401


def copied(ruling, at, count=1, **more):
    """The same ruling, at another time."""
    fields = {field.attname: getattr(ruling, field.attname) for field in Ruling._meta.fields if not field.primary_key}
    Ruling.objects.bulk_create(Ruling(**{**fields, "at": at, **more}) for _ in range(count))


@pytest.fixture
def told(arrive, order):
    """What the AI told a customer alone, under a rule without a ramp of a version that has ruled for long."""
    BoundaryVersion.objects.update(activated_at=timezone.now() - timedelta(days=8))
    return arrive(STATUS, order=order).ruling


def share_of(ruling):
    return minimums.at_least([ruling.version_id]).get((ruling.version_id, ruling.rule))


def test_a_rule_that_seldom_decides_is_audited_whenever_it_does(told):
    assert minimums.settle(timezone.now()) == 1
    assert share_of(told) == 1.0


def test_one_that_often_does_as_far_as_the_minimum_asks(told):
    copied(told, timezone.now() - timedelta(days=1), 99)
    tasks.sweep()
    assert share_of(told) == 0.32
    assert RuleAudits.objects.get(rule=told.rule).decided == 100


def test_what_people_decide_a_ramp_grants_or_a_sandbox_tries_counts_for_nothing(told, partner):
    lately = timezone.now() - timedelta(days=1)
    twin = onboarding.sandbox(partner, actor=audit.system("test")).partner
    copied(told, lately, 50, handler="human")
    copied(told, lately, 50, ramp=7)
    copied(told, lately, 50, partner_id=twin.pk)
    minimums.settle(timezone.now())
    assert RuleAudits.objects.get(rule=told.rule).decided == 1


def test_a_rule_that_decided_nothing_is_audited_when_it_does(told):
    now = timezone.now()
    minimums.settle(now + timedelta(days=9))
    assert share_of(told) == 1.0
    assert RuleAudits.objects.get(rule=told.rule).decided == 0


def test_brands_that_audit_nothing_bring_none_of_the_minimum(told, partner):
    copied(told, timezone.now() - timedelta(days=1), 99)
    quiet = demo_partner("quiet", "Quiet")
    Partner.objects.filter(pk=quiet.pk).update(audit_percent=0)
    copied(told, timezone.now() - timedelta(days=1), 400, partner_id=quiet.pk)
    minimums.settle(timezone.now())
    assert share_of(told) == 0.32


def test_what_still_rules_a_share_beside_its_successor_is_settled_too(tenth, told):  # noqa: F811
    BoundaryVersion.objects.update(activated_at=timezone.now() - timedelta(days=8))
    assert minimums.settle(timezone.now()) == 2
    assert {row.version_id for row in RuleAudits.objects.all()} == {tenth.pk, tenth.replaced_id}


def test_it_is_settled_once_a_day(told):
    now = timezone.now()
    assert [minimums.settle(now + timedelta(hours=hours)) for hours in (0, 23, 25)] == [1, 0, 1]


def test_a_version_of_today_has_the_brands_share(arrive, order):
    ruling = arrive(STATUS, order=order).ruling
    assert minimums.settle(timezone.now()) == 0
    assert share_of(ruling) is None


def test_of_a_young_version_its_days_tell_what_a_week_would_bring(told):
    now = timezone.now()
    BoundaryVersion.objects.update(activated_at=now - timedelta(days=2))
    copied(told, now - timedelta(days=1), 39)
    copied(told, now - timedelta(days=3), 50)  # of before it ruled: none of its own
    assert minimums.settle(now) == 1
    assert share_of(told) == pytest.approx(32 / (40 * 7 / 2))


@pytest.mark.parametrize(("percent", "drawn_at"), [(5, 25), (40, 40), (0, 0)])
def test_it_is_drawn_with_that_probability_or_the_brands_if_that_is_more(
    told, partner, arrive, monkeypatch, percent, drawn_at
):
    asked = []
    monkeypatch.setattr(blind, "drawn", lambda share: asked.append(share) or bool(share))
    Partner.objects.filter(pk=partner.pk).update(audit_percent=percent, blind_percent=0)
    RuleAudits.objects.create(version_id=told.version_id, rule=told.rule, audited=0.25, settled_at=timezone.now())
    arrive(STATUS, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)))
    assert asked[-1] == drawn_at
    row = CaseAudit.objects.first()
    assert (row.probability if row else Decimal(0)) == Decimal(drawn_at) / 100


def test_a_sandbox_is_not_audited(told, partner, monkeypatch, drain):
    monkeypatch.setattr(blind, "drawn", lambda share: share > 0)
    twin = onboarding.sandbox(partner, actor=audit.system("test")).partner
    RuleAudits.objects.create(version_id=told.version_id, rule=told.rule, audited=1.0, settled_at=timezone.now())
    send_to(twin, STATUS, factories.OrderFactory(customer=factories.CustomerFactory(partner=twin)))
    drain()
    assert not CaseAudit.objects.exists()
