"""People of a brand: they read their cases, their boundary in words, keys and webhooks, and nothing of another brand."""

import re

import pytest
from django.contrib import admin
from django.utils import timezone

from apps.interactions import keys
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction
from apps.interactions.webhooks import endpoints, spreading
from apps.policies import staff
from apps.policies.models import Partner
from tests import factories
from tests.conftest import ACTOR, STATUS, browser, page
from tests.reach.test_rights_by_brand import limited_to


@pytest.fixture
def theirs(arrive, order, partner):
    """Another brand with something of everything."""
    Partner.objects.filter(pk=partner.pk).update(name="Competitor Inc")
    arrive(STATUS, order=order)
    keys.issue(partner, "competitor key", ["oms:write"], actor=ACTOR)
    hook = endpoints.register(
        partner, {"url": "https://competitor.example/", "description": "competitor hook"}, actor=ACTOR
    )
    spreading.spread()
    endpoints.test(hook.pk, actor=ACTOR, now=timezone.now())
    return partner


@pytest.fixture
def mine(theirs):
    return demo_partner("oru", "Oru")


@pytest.fixture
def reader(mine):
    return limited_to([mine], role=staff.PARTNER)


def lists(client):
    found = re.findall(r'href="(/admin/[a-z]+/[a-z]+/)"', page(client, "/admin/"))
    return sorted(set(found))


def test_every_list_they_see_is_without_the_other_brand(reader, theirs):
    seen = lists(reader)
    assert {"/admin/interactions/interaction/", "/admin/interactions/apikey/", "/admin/policies/boundary/"} <= set(seen)
    assert [address for address in seen if "ompetitor" in page(reader, address)] == []


def test_every_page_they_reach_is_without_it_too(reader, theirs):
    for address in lists(reader):
        for link in sorted(set(re.findall(rf'href="({address}\d+/change/)', page(reader, address))))[:5]:
            shown = page(reader, link)
            assert "ompetitor" not in shown, link


def test_the_other_brands_rows_are_not_there_by_number(reader, theirs):
    case = Interaction.objects.get(partner=theirs)
    answer = reader.get(f"/admin/interactions/interaction/{case.pk}/change/")
    assert answer.status_code in (302, 403, 404)


def test_they_change_nothing(reader, mine):
    for model, site in admin.site._registry.items():
        name = f"{model._meta.app_label}/{model._meta.model_name}"
        answer = reader.post(f"/admin/{name}/add/", {"name": "x"})
        assert answer.status_code in (403, 404), name
        assert site


def test_of_a_shared_boundary_they_know_how_many_share_it(reader, mine):
    assert "Oru, 1 other brand" in page(reader, "/admin/policies/boundary/")
    assert "Oru, 1 other brand" in page(
        reader, f"/admin/policies/boundaryversion/{mine.boundary.active_version.pk}/change/"
    )


def test_they_read_their_own(reader, mine, theirs):
    key = keys.issue(mine, "our key", ["oms:write"], actor=ACTOR)
    assert "our key" in page(reader, "/admin/interactions/apikey/")
    assert key.secret_hash not in page(reader, f"/admin/interactions/apikey/{key.pk}/change/")
    assert mine.boundary.name in page(reader, "/admin/policies/boundary/")


def test_without_a_remit_they_see_no_brand(theirs):
    nobody = browser(factories.UserFactory(role=staff.PARTNER, remit={"all_partners": False}))
    assert "ompetitor" not in page(nobody, "/admin/interactions/interaction/")


def test_they_read_their_own_numbers_and_nobody_elses(partner, arrive, order):
    arrive(STATUS, order=order)
    theirs = factories.UserFactory(role=staff.PARTNER, remit={"all_partners": False})
    theirs.remit.partners.add(partner)
    assert "of 1 cases" in page(browser(theirs), "/insights/")
    assert "Morning handover" not in page(browser(theirs), "/insights/")
    stranger = factories.UserFactory(role=staff.PARTNER, remit={"all_partners": False})
    assert "of 0 cases" in page(browser(stranger), "/insights/")
