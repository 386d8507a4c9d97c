"""What was judged before something was stopped proves nothing any more."""

import pytest

from apps.interactions.demo import demo_partner
from apps.learning import practice
from apps.policies import audit, pauses
from apps.policies.models import Partner, Pause


@pytest.mark.parametrize("scope", [{"case_type": "order_status", "action": "reply"}, {}])
def test_what_was_judged_before_a_breaker_tripped_proves_nothing_any_more(boundary, partner, scope):
    pauses.pause_as(audit.system("breaker"), "Breaker: 4 of 9", partner=partner, **scope)
    assert practice.stops_of(boundary)["order_status", "reply"] == Pause.objects.get().paused_at


@pytest.mark.parametrize("other", [{"actor": audit.key("rk_1")}, {"partner": None}])
def test_what_people_or_another_brand_paused_is_none_of_it(boundary, partner, other):
    elsewhere = demo_partner("oru", "Oru")
    Partner.objects.filter(pk=elsewhere.pk).update(boundary=None)
    told = {"actor": audit.system("breaker"), "partner": partner} | other
    pauses.pause_as(told["actor"], "so", partner=told["partner"] or elsewhere)
    assert practice.stops_of(boundary) == {}
