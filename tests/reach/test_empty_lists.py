"""Lists of the admin that hold nothing say so, and what would bring something."""

import pytest

from apps.interactions.models import ApiKey
from tests import factories
from tests.conftest import browser, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(partner):
    return browser(factories.operator())


def test_one_that_is_empty_says_what_brings_something(ada):
    assert "POST /api/v1/webhooks/" in page(ada, "/admin/interactions/webhookendpoint/")
    assert "Nothing here yet." in page(ada, "/admin/interactions/webhookdelivery/")


def test_a_search_without_a_match_offers_all(ada, partner):
    factories.ApiKeyFactory(partner=partner)
    assert "Nothing matches" in page(ada, "/admin/interactions/apikey/?name=nobody")


def test_one_that_holds_something_says_nothing_of_it(ada, partner):
    factories.ApiKeyFactory(partner=partner)
    told = page(ada, "/admin/interactions/apikey/")
    assert ApiKey.objects.exists()
    assert "No system may call yet" not in told
