"""The load test: bounded, on this machine alone, and it tells what it measured."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.interactions.loading import NotHere, load
from apps.interactions.models import Interaction, Scope
from tests import factories


@pytest.mark.parametrize("url", ["http://shop.example", "http://10.0.0.1:8000", "https://127.0.0.1.shop.example"])
def test_it_goes_nowhere_else(url):
    with pytest.raises(NotHere):
        load(url, "rk_a_b", seconds=1, connections=1)


@pytest.mark.parametrize("more", [{"seconds": 901}, {"connections": 201}, {"batch": 501}, {"seconds": 0}, {"batch": 0}])
def test_it_is_bounded(more):
    with pytest.raises(ValueError, match="At most"):
        load("http://127.0.0.1:1", "rk_a_b", **{"seconds": 1, "connections": 1, **more})


def test_it_speaks_plain_http_alone():
    with pytest.raises(ValueError, match="plain http"):
        load("https://127.0.0.1", "rk_a_b", seconds=1, connections=1)


@pytest.mark.parametrize("a_second", [0, -1])
def test_no_calls_a_second_are_no_load(a_second):
    with pytest.raises(ValueError, match="more than 0"):
        load("http://127.0.0.1:1", "rk_a_b", seconds=1, connections=1, a_second=a_second)


def test_what_fails_is_no_speed():
    told = load("http://127.0.0.1:1", "rk_a_b", seconds=0.3, connections=1, a_second=20).as_json()
    assert (told["calls"], told["calls_a_second"], told["items"]) == (0, 0.0, 0)
    assert told["failed"] == told["statuses"]["0"] > 0


def test_the_command_says_what_is_wrong():
    with pytest.raises(CommandError, match="not this machine"):
        call_command("loadtest", url="http://shop.example", key="rk_a_b")


@pytest.mark.django_db(transaction=True)
def test_it_tells_what_it_measured(live_server, transactional_db):
    from apps.interactions.demo import demo_partner

    key = factories.ApiKeyFactory(partner=demo_partner("lumi", "Lumi Skin"), scopes=Scope.values).issued
    said = StringIO()
    call_command("loadtest", url=live_server.url, key=key, seconds=1, connections=2, batch=5, a_second=4, stdout=said)
    told = json.loads(said.getvalue())
    assert set(told["statuses"]) == {"207"}
    assert 1 <= told["calls"] <= 5, "four a second, evenly"
    assert told["items"] == 5 * told["calls"] == Interaction.objects.count()
    assert told["p95_ms"] >= told["p50_ms"] > 0
