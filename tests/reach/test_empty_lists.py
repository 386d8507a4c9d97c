"""Lists of the admin that hold nothing say so, and what would bring something."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import AbstractUser, Group

from apps.interactions.models import ApiKey
from apps.policies.admin.base import Titled
from tests import factories
from tests.conftest import browser, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(partner):
    return browser(factories.operator())


def test_one_that_is_empty_says_what_brings_something(ada):
    assert "POST /api/v1/webhook-endpoints/" in page(ada, "/admin/interactions/webhookendpoint/")


def test_each_list_of_ours_has_words_for_it():
    ours = [of for of in admin.site._registry.values() if isinstance(of, Titled)]
    assert len(ours) > 40
    assert [str(of) for of in ours if not of.nothing_yet and not issubclass(of.model, AbstractUser | Group)] == []


def test_a_search_without_a_match_offers_all(ada, partner):
    factories.ApiKeyFactory(partner=partner)
    assert "Nothing matches" in page(ada, "/admin/interactions/apikey/?name=nobody")


def test_one_that_holds_something_says_nothing_of_it(ada, partner):
    factories.ApiKeyFactory(partner=partner)
    told = page(ada, "/admin/interactions/apikey/")
    assert ApiKey.objects.exists()
    assert "No system may call yet" not in told
