"""Flow: today's numbers by scenario, the real path of a case, and the demo's scenarios."""

import pytest
from django.test import override_settings
from django.utils import timezone

from apps.interactions import blind
from apps.interactions.models import Interaction
from apps.policies.models import Partner
from apps.reach import flow
from tests import factories
from tests.conftest import MISSING, STATUS, browser, page
from tests.deciding import decide, pass_undo_window


@pytest.fixture
def user(db):
    return factories.senior(first_name="Sam")


@pytest.fixture
def day(arrive, order, held, drain):
    """One case that the AI handled, one that was decided, one that waits."""
    other = factories.OrderFactory(customer=factories.CustomerFactory(partner=order.partner))
    alone = arrive(STATUS, order=other)
    waiting = arrive(MISSING, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=order.partner)))
    decide(held)
    pass_undo_window()
    drain()
    return {"alone": alone, "waiting": waiting, "decided": held[1].interaction}


def numbers(user, scenario="all"):
    found = flow.flow_of(user, scenario, timezone.localtime())
    return found.inbound, found.alone, found.to_people, found.decided, found.waiting, found.signals


class TestNumbers:
    def test_today_as_it_is(self, day, user):
        assert numbers(user) == (3, 1, 2, 1, 1, 1)
        assert flow.flow_of(user, "all", timezone.localtime()).alone_share == 33

    @pytest.mark.parametrize(
        ("scenario", "found"),
        [
            ("refund", (1, 0, 1, 1, 0, 1)),
            ("dispute", (1, 0, 1, 0, 1, 0)),
            ("vip", (0,) * 6),
            ("unheard_of", (3, 1, 2, 1, 1, 1)),
        ],
    )
    def test_a_scenario_has_its_own(self, day, user, scenario, found):
        assert numbers(user, scenario) == found

    def test_other_brands_and_other_days_do_not_count(self, day):
        assert numbers(factories.supervisor(remit={"all_partners": False})) == (0,) * 6
        tomorrow = timezone.localtime() + timezone.timedelta(days=1)
        assert flow.flow_of(factories.supervisor(), "all", tomorrow).inbound == 0

    def test_an_empty_day_is_a_picture_too(self, partner, user):
        shown = page(browser(user), "/flow/")
        assert "nothing came in yet" in shown
        assert "Nothing came in today." in shown

    def test_streams_are_as_wide_as_their_share(self, day, user):
        widths = flow.flow_of(user, "all", timezone.localtime()).widths
        assert widths["inbound"] == 16.0
        assert widths["human"] + widths["collaborative"] == pytest.approx(1.5 + 1.5 + 14.5 * 2 / 3, abs=0.2)
        assert widths["alone"] == pytest.approx(1.5 + 14.5 / 3, abs=0.1)

    def test_the_page_moves_by_itself_and_says_in_words_what_it_draws(self, day, user):
        shown = page(browser(user), "/flow/live/?scenario=all")
        assert 'hx-trigger="every 5s"' in shown
        assert "3 came in today: 1 the AI handled alone" in shown


class TestPath:
    def path(self, user, case):
        return page(browser(user), f"/flow/case/{case.reference}/")

    def test_each_station_with_its_time(self, day, user):
        shown = self.path(user, day["decided"])
        stations = ("received by chat", "understood: return or refund", "facts gathered", "gate: ", "brief ready", "decided in 0:0",
                    "refund 84.50 USD: done", "signal: agreed")  # fmt: skip
        places = [shown.index(station) for station in stations]
        assert places == sorted(places)
        assert shown.count("<time") >= 8

    def test_what_the_ai_did_alone(self, day, user):
        shown = self.path(user, day["alone"])
        assert "the AI may" in shown
        assert "the AI decided: reply" in shown
        assert "brief ready" not in shown

    def test_a_case_that_moves_asks_again_and_one_at_rest_does_not(self, arrive, order, user):
        case = arrive(STATUS, order=order, work=False)
        assert "load delay:1s" in self.path(user, case)

    def test_one_at_rest_does_not_ask_again(self, day, user):
        assert "load delay" not in self.path(user, day["waiting"])

    def test_a_blind_case_tells_nothing_of_its_proposal(self, monkeypatch, arrive, order, user):
        monkeypatch.setattr(blind, "drawn", lambda percent: True)
        case = arrive(MISSING, order=order)
        shown = self.path(user, case)
        assert "drawn to be judged without the proposal" in shown
        assert "rule" not in shown.split("gate:")[1].split("</li>")[0]

    def test_another_brands_case_is_not_there(self, day):
        stranger = browser(factories.supervisor(remit={"all_partners": False}))
        assert stranger.get(f"/flow/case/{day['alone'].reference}/").status_code == 404


class TestReplay:
    @pytest.mark.parametrize(
        ("scenario", "case_type"),
        [("return", "standard_return"), ("dispute", "delivery_dispute"), ("refund", "refund_exception"), ("vip", "vip_complaint"),
         ("public", "public_complaint")],
    )  # fmt: skip
    def test_each_scenario_becomes_the_case_it_shows(self, partner, user, drain, scenario, case_type):
        answer = browser(user).post(f"/flow/replay/{scenario}/").content.decode()
        assert "on its way" in answer
        drain()
        case = Interaction.objects.get()
        assert (case.case_type, case.partner.slug) == (case_type, "sandbox")
        assert "gate:" in page(browser(user), f"/flow/case/{case.reference}/")

    @override_settings(DEMO=False)
    def test_where_there_is_no_demo_there_is_nothing_to_replay(self, partner, user):
        assert browser(user).post("/flow/replay/return/").status_code == 404
        assert "Replay" not in page(browser(user), "/flow/")
        assert not Partner.objects.filter(slug="sandbox").exists()

    def test_an_unknown_scenario_is_not_there(self, partner, user):
        assert browser(user).post("/flow/replay/flood/").status_code == 404
