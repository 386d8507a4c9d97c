"""The invented shop through the real pipeline: facts, proposals and rulings come out as they do in memory."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import submitting
from apps.interactions.models import Interaction
from apps.interactions.precedents import amount_of, facts_of
from apps.learning.rehearsal.house import SHAPES
from apps.learning.rehearsal.shop import Shop
from apps.policies import audit
from apps.policies.facts import VOCABULARY
from apps.policies.models import Partner, Terms

ACTOR = audit.system("rehearsal")


@pytest.fixture
def shop(partner):
    """The demo brand with the world's Terms, articles and products."""
    world = Shop(3)
    what = world.shop()
    Terms.objects.filter(partner=partner).update(active=False)
    Terms.objects.create(partner=partner, number=2, active=True, **what["terms"])
    return world


def brought(world: Shop, partner: Partner, count: int, drain):
    """A week's arrivals, all a minute ago, with what the pipeline ruled of each."""
    at = timezone.now() - timedelta(minutes=1)
    arrivals = world.week(1, count)
    for slug, article in world.shop()["articles"].items():
        submitting.submit_article(partner, slug, article, actor=ACTOR)
    for sku, product in world.shop()["products"].items():
        submitting.submit_product(partner, sku, product, actor=ACTOR)
    for arrival in arrivals:
        customers, orders = world.mirrored(arrival, at)
        for customer in customers:
            submitting.submit_customer(partner, customer["external_id"], customer, actor=ACTOR, as_of=at)
        for order in orders:
            submitting.submit_order(partner, order["number"], order, actor=ACTOR, as_of=at)
        submitting.submit_interaction(partner, world.message(arrival, at), actor=ACTOR, as_sent=True, wake=False)
    drain()
    cases = {case.external_id: case for case in Interaction.objects.select_related("ruling__partner")}
    return [(arrival, cases[arrival.key].ruling) for arrival in arrivals]


def test_every_ruling_is_the_one_in_memory(shop, partner, drain):
    policy = partner.boundary.active_version.compile()
    found = brought(shop, partner, 160, drain)
    assert {arrival.hidden.shape for arrival, _ in found} == set(SHAPES), "every shape came"
    for arrival, ruling in found:
        facts = facts_of(ruling)
        granting = {name: value for name, value in facts.items() if VOCABULARY[name].grants and value is not None}
        foretold = {name: value for name, value in arrival.facts.items() if VOCABULARY[name].grants}
        assert granting == foretold, arrival.key
        assert (ruling.case_type, ruling.action, amount_of(ruling), ruling.proposal["discloses_order"]) == (
            arrival.case_type, arrival.proposal.action, arrival.proposal.amount, arrival.proposal.discloses_order,
        ), arrival.key  # fmt: skip
        verdict = policy.rule(arrival.case_type, arrival.proposal, arrival.facts)
        assert (ruling.gate_handler, ruling.rule, ruling.refused_by) == (
            verdict.handler, verdict.rule or "", verdict.refused_by or "",
        ), arrival.key  # fmt: skip
