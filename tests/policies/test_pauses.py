"""One person pauses at once; letting the AI go on takes two."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from apps.interactions import pipeline, recording
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction
from apps.policies import partner_releases, pauses
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner, Pause
from tests import factories
from tests.conftest import STATUS, api_client


def test_a_pause_sends_the_next_case_to_a_person_and_lifting_lets_the_ai_go_on(arrive, order, partner):
    assert arrive(STATUS, order=order).handler == "autonomous"
    first, second = factories.ops_manager(), factories.ops_manager()
    paused = pauses.pause(first, "the shop reports wrong dates", partner=partner, case_type="order_status")
    other = factories.OrderFactory(customer=order.customer)
    case = arrive(STATUS, order=other)
    assert case.handler == "human"
    assert "paused here: the shop reports wrong dates" in case.ruling.downgrades[0]["reason"]
    pauses.lift(first, paused.pk, "mended")
    with pytest.raises(Refused, match="second person"):
        pauses.lift(first, paused.pk, "mended")
    pauses.lift(second, paused.pk, "mended")
    third = factories.OrderFactory(customer=order.customer)
    assert arrive(STATUS, order=third).handler == "autonomous"


@pytest.mark.parametrize(
    ("scope", "stops"),
    [({}, True), ({"action": "reply"}, True), ({"action": "refund"}, False), ({"case_type": "standard_return"}, False)],
)
def test_a_pause_stops_its_scope_and_nothing_else(arrive, order, scope, stops):
    pauses.pause(factories.ops_manager(), "a test of the switch", **scope)
    assert (arrive(STATUS, order=order).handler == "human") is stops


def test_a_pause_of_a_boundary_stops_its_brands_and_no_other(arrive, order, partner, boundary):
    other = Boundary.objects.create(name="Elsewhere", currency="USD")
    paused = pauses.pause(factories.ops_manager(), "a look at it", boundary=other)
    assert arrive(STATUS, order=order).handler == "autonomous"
    assert not paused.stops(partner)
    paused = pauses.pause(factories.ops_manager(), "a look at it", boundary=boundary)
    assert paused.scope_in_words() == f"every brand of {boundary}"
    assert arrive(STATUS, order=factories.OrderFactory(customer=order.customer)).handler == "human"


def test_a_pause_is_of_a_brand_or_of_a_boundary(partner, boundary):
    with pytest.raises(Refused, match="choose one of them"):
        pauses.pause(factories.ops_manager(), "a look at it", partner=partner, boundary=boundary)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(reason="x", partner=partner, boundary=boundary)


def test_a_brand_leaves_a_boundary_that_is_paused_by_two_people(author, other, partner, boundary):
    """The pause would not hold any more, whatever the other boundary says."""
    stricter = Boundary.objects.create(name="Stricter", currency="USD")
    pauses.pause(author, "a look at it", boundary=boundary, case_type="order_status")
    asked = partner_releases.propose(author, partner, "boundary", {"boundary": stricter.pk}, "it fits them better")
    assert (asked.state, asked.widens) == ("open", True)
    assert any("this pause would not hold any more" in sentence for sentence in asked.because)
    assert Partner.objects.get(pk=partner.pk).boundary == boundary


def test_a_pause_needs_a_reason(db):
    with pytest.raises(Refused, match="Say why"):
        pauses.pause(factories.ops_manager(), "  ")


class TestLifting:
    @pytest.fixture
    def asked(self, partner):
        """A pause of one brand that one person asked to lift."""
        pause = pauses.pause(factories.ops_manager(), "wrong dates", partner=partner)
        return pauses.lift(factories.ops_manager(), pause.pk, "mended")

    def refused(self, user, pause, reason, says):
        with pytest.raises(Refused, match=says):
            pauses.lift(user, pause.pk, reason)

    def test_it_needs_a_reason_of_each(self, asked):
        self.refused(factories.ops_manager(), asked, "  ", "Say why the AI may go on")
        assert pauses.in_force() == [asked]

    def test_a_second_person_without_the_brand_does_not(self, asked):
        self.refused(factories.ops_manager(remit={"all_partners": False}), asked, "mended", "outside your remit")
        assert pauses.in_force() == [asked]

    def test_one_brand_is_not_enough_to_lift_what_stops_all(self, partner):
        pause = pauses.pause(factories.ops_manager(), "wrong dates")
        user = factories.ops_manager(remit={"all_partners": False})
        user.remit.partners.add(partner)
        self.refused(user, pause, "mended", "outside your remit")

    def test_one_brand_is_not_enough_to_lift_what_stops_a_boundary(self, partner, boundary):
        demo_partner("oru", "Oru")
        pause = pauses.pause(factories.ops_manager(), "wrong dates", boundary=boundary)
        user = factories.ops_manager(remit={"all_partners": False})
        user.remit.partners.add(partner)
        self.refused(user, pause, "mended", "outside your remit")
        assert list(pauses.seen_by(user)) == [pause]
        user.remit.partners.add(demo_partner("oru"))
        user = User.objects.get(pk=user.pk)
        assert pauses.lift(user, pause.pk, "mended").lift_asked_by == user

    def test_what_is_lifted_is_not_lifted_again(self, asked):
        pauses.lift(factories.ops_manager(), asked.pk, "checked")
        self.refused(factories.ops_manager(), asked, "again", "lifted already")
        assert pauses.in_force() == []


def test_the_database_refuses_one_person_as_both(db):
    person = factories.ops_manager()
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(reason="x", paused_by=person, lift_asked_by=person, lifted_by=person)


class TestPausingFromElsewhere:
    def test_a_shell_command_pauses_and_says_how_it_is_lifted(self, partner, capsys):
        user = factories.ops_manager()
        call_command("pause", "wrong dates", user=user.username, partner="lumi", type="order_status")
        assert "Paused: Lumi Skin, Order status. Two people lift it" in capsys.readouterr().out
        assert Pause.objects.get().paused_by == user

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"user": "nobody"}, "no log-in"),
            ({"partner": "nope"}, "no partner"),
            ({"boundary": "nope"}, "no boundary"),
            ({"boundary": "Lenient returns", "partner": "lumi"}, "choose one of them"),
            ({"type": "nonsense"}, "no type"),
            ({"action": "nonsense"}, "no action"),
        ],
    )
    def test_what_is_mistyped_is_refused(self, partner, options, says):
        user = factories.ops_manager()
        with pytest.raises(CommandError, match=says):
            call_command("pause", "because", **{"user": user.username, **options})
        assert not Pause.objects.exists()

    def test_somebody_without_the_right_pauses_nothing(self, partner):
        with pytest.raises(CommandError, match="may not pause"):
            call_command("pause", "because", user=factories.supervisor().username)

    def test_a_key_pauses_its_own_brand_only(self, api, partner):
        answer = api.post("/api/v1/pauses/", {"reason": "wrong dates", "action": "refund"}, format="json")
        assert answer.status_code == 201
        pause = Pause.objects.get()
        assert (pause.partner, pause.action, pause.paused_by) == (partner, "refund", None)
        assert len(api.get("/api/v1/pauses/").json()["results"]) == 1
        stranger = api_client(demo_partner("oru", "Oru"))
        assert stranger.get("/api/v1/pauses/").json()["results"] == []
        pauses.pause(
            factories.ops_manager(), "a look at it", boundary=Boundary.objects.create(name="Far", currency="USD")
        )
        assert stranger.get("/api/v1/pauses/").json()["results"] == [], "another boundary's"
        pauses.pause(factories.ops_manager(), "a look at it", boundary=partner.boundary)
        assert [one["every_brand"] for one in stranger.get("/api/v1/pauses/").json()["results"]] == [False]

    @pytest.mark.parametrize(
        "body", [{}, {"reason": " "}, {"reason": "x", "case_type": "nonsense"}, {"reason": "x", "colour": 1}, []]
    )
    def test_a_bad_pause_is_refused(self, api, body):
        assert api.post("/api/v1/pauses/", body, format="json").status_code in (409, 422)
        assert not Pause.objects.exists()


@pytest.mark.parametrize("of_boundary", [False, True])
def test_a_pause_that_comes_after_the_ruling_still_holds(arrive, order, boundary, of_boundary):
    """A worker had ruled, and had not written it yet, when somebody paused."""
    case = arrive(STATUS, order=order, work=False)
    worked = pipeline.work(pipeline._claim(10))
    pauses.pause(factories.ops_manager(), "wrong dates", boundary=boundary if of_boundary else None)
    recording.write_back(worked, pipeline._PIPELINE)
    assert Interaction.objects.get(pk=case.pk).state == "received"
    assert pipeline.advance() == 1
    assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision"
