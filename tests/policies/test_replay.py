"""Replay: a draft over what happened, exact where it can be checked, and honest where it cannot say."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.policies import columnar, editing, releases, replaying
from apps.policies.errors import Refused
from apps.policies.facts import VOCABULARY, vocabulary_hash
from apps.policies.models import Guardrail, Partner, Replay, Ruling, Vocabulary
from apps.policies.rulings import kept_no
from tests import factories
from tests.conftest import RETURN
from tests.policies.conftest import another_ruling, copy_of, limit_of_the_day, replayed, widening, with_refund_rule


class TestExactness:
    def test_every_stored_ruling_of_the_active_version_is_reproduced(self, night, author, partner):
        result = replayed(author, partner.boundary.active_version)
        assert result["exact"] == {"checked": Ruling.objects.count(), "wrong": 0, "examples": []}
        assert result["rulings"] == Ruling.objects.count() == 8
        assert result["flips"] == []
        assert result["rate"]["before"] == result["rate"]["after"]

    @pytest.mark.parametrize(
        "changed",
        [{"rule": "rule 11"}, {"refused_by": "guardrail 9"}, {"gate_handler": "human", "gate_seniority": "senior"}],
    )
    def test_a_ruling_that_is_not_reproduced_is_shown(self, night, author, partner, changed):
        another = another_ruling(**changed)
        result = replayed(author, partner.boundary.active_version)
        assert result["exact"] == {"checked": 9, "wrong": 1, "examples": [another.pk]}

    def test_one_of_another_version_is_not_held_against_this_one(self, night, author, partner):
        another_ruling(rule="rule 11", version=releases.draft_from(author, partner.boundary))
        assert replayed(author, partner.boundary.active_version)["exact"] == {"checked": 8, "wrong": 0, "examples": []}

    def test_the_same_replay_twice_says_the_same_and_is_carried_out_once(self, night, author, partner):
        draft = with_refund_rule(author, partner)
        first = replayed(author, draft)
        asked = Replay.objects.get()
        assert (asked.done, asked.total) == (8, 8)
        replaying.run(asked.pk)
        assert Replay.objects.get().seconds == asked.seconds
        assert replayed(author, draft) == first

    def test_one_that_fails_says_why(self, night, author, partner, monkeypatch, caplog):
        def breaks(*args):
            raise ValueError("no such column")

        monkeypatch.setattr(columnar, "batches", breaks)
        asked = replaying.ask(author, partner.boundary.active_version)
        replaying.run(asked.pk)
        asked.refresh_from_db()
        assert (asked.status, asked.error) == ("failed", "ValueError: no such column")
        assert f"replay {asked.pk} failed" in caplog.text

    def test_the_rate_before_is_what_the_ai_did_alone(self, night, author, partner):
        result = replayed(author, partner.boundary.active_version)
        alone = Ruling.objects.filter(handler="autonomous").count()
        assert result["rate"]["before"] == pytest.approx(100 * alone / 8, abs=0.01)
        assert alone == 3


class TestFlips:
    def test_cases_that_would_newly_be_the_ais_are_counted_by_type_and_rule_with_examples(self, night, author, partner):
        factories.released(partner, "stage", case_type="refund_exception", stage="live")
        late = factories.OrderFactory(customer=partner.customers.get(), days_ago=34)
        draft = with_refund_rule(author, partner)
        partner.refresh_from_db()
        self.arrive_live(late)
        result = replayed(author, draft)
        (flip,) = [flip for flip in result["flips"] if flip["after"] == "autonomous"]
        assert (flip["case_type"], flip["before"]) == ("refund_exception", "human")
        assert flip["rule_after"] == "rule 6"
        assert (
            Ruling.objects.filter(pk__in=flip["examples"], case_type="refund_exception").count() == flip["count"] == 1
        )
        assert result["money"] == {"USD": {"before": "0.00", "after": "84.50"}}
        assert result["kept_back"] == 1, "the one of before the type was live, and not this one"

    @pytest.fixture(autouse=True)
    def _arrive(self, arrive):
        self.arrive_live = lambda order: arrive(RETURN, order=order)

    def test_a_recorded_no_of_able_and_earned_stays(self, night, author, partner):
        """The stage was `assist` when the case was ruled: the draft would not have changed that."""
        result = replayed(author, with_refund_rule(author, partner))
        assert {flip["after"] for flip in result["flips"]} <= {"collaborative", "human"}
        assert result["rate"]["before"] == result["rate"]["after"]

    def test_a_budget_that_is_lowered_takes_from_the_later_ones(self, arrive, customer, api, drain, author, partner):
        orders = [factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)) for _ in range(3)]
        for order in orders:
            arrive(RETURN, order=order)
            scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
            api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json")
            drain()
        draft = releases.draft_from(author, partner.boundary)
        budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
        budget.amount = Decimal("170.00")
        editing.save(author, budget)
        result = replayed(author, draft)
        assert result["money"]["USD"] == {"before": "253.50", "after": "169.00"}
        (flip,) = result["flips"]
        assert (flip["count"], flip["after"]) == (1, "human")


class TestSureEnough:
    """Floors are limits of the version: a replay asks them anew."""

    def floor(self, author, partner, floor, **fields):
        draft = releases.draft_from(author, partner.boundary)
        editing.save(author, Guardrail(version=draft, kind="confidence", floor=Decimal(floor), **fields))
        return {(flip["case_type"], flip["after"], flip["count"]) for flip in replayed(author, draft)["flips"]}

    @pytest.fixture(autouse=True)
    def _less_sure(self, night):
        """Of each kind that the AI settled alone one more, read a little less surely."""
        for case_type in ("order_status", "standard_return"):
            alone = Ruling.objects.filter(handler="autonomous", case_type=case_type).order_by("id").first()
            copy_of(alone, confidence=Decimal("0.985"))

    def test_a_higher_floor_takes_what_was_not_read_so_surely(self, author, partner):
        assert self.floor(author, partner, "0.99") == {("order_status", "human", 1), ("standard_return", "human", 1)}

    def test_only_for_what_it_looks_at(self, author, partner):
        assert self.floor(author, partner, "0.99", case_types=["order_status"]) == {("order_status", "human", 1)}
        assert self.floor(author, partner, "0.99", actions=["return_label"]) == {("standard_return", "human", 1)}

    def test_a_lower_one_than_every_boundary_has_changes_nothing(self, night, author, partner):
        assert self.floor(author, partner, "0.50") == set()

    def test_what_was_less_sure_than_every_boundary_asks_is_a_persons(self, night, author, partner):
        copy_of(Ruling.objects.filter(handler="autonomous").first(), confidence=Decimal("0.979"))
        assert replayed(author, partner.boundary.active_version)["ended"]["differ"] == 1


@pytest.mark.parametrize("question", ["able", "earned"])
@pytest.mark.parametrize("code", ["unable", "stage", "alarm injury", "paused", "grounding", "open case"])
def test_what_a_limit_did_not_say_is_kept(question, code):
    assert kept_no([{"question": question, "code": code, "handler": "collaborative"}]) == 1
    assert kept_no([{"question": question, "code": code, "handler": h} for h in ("human", "collaborative")]) == 2


@pytest.mark.parametrize("code", ["confidence", "budget", "velocity", "quiet"])
def test_what_a_limit_said_is_asked_anew(code):
    assert kept_no([{"question": "earned", "code": code, "handler": "human"}]) == 0
    assert kept_no([{"question": "permitted", "code": "gate", "handler": "human"}]) == 0
    assert kept_no([]) == 0


class TestCannotSay:
    def test_a_fact_that_was_not_recorded_then_is_no_flip(self, night, author, partner, monkeypatch):
        fewer = [
            name for name in Vocabulary.objects.get(pk=vocabulary_hash()).facts if name != "order.days_past_window"
        ]
        Vocabulary.objects.filter(pk=vocabulary_hash()).update(facts=fewer)
        result = replayed(author, with_refund_rule(author, partner))
        refunds = Ruling.objects.filter(case_type__in=["refund_exception", "standard_return"]).count()
        assert result["cannot_say"] == {
            "count": refunds,
            "facts": {"order.days_past_window": pytest.approx(refunds, abs=refunds)},
        }
        assert result["flips"] == []

    def test_so_it_is_with_a_fact_that_only_a_guardrail_asks_for(self, night, author, partner):
        Vocabulary.objects.filter(pk=vocabulary_hash()).update(
            facts=sorted(set(VOCABULARY) - {"order.delivery_attempts"})
        )
        draft = releases.draft_from(author, partner.boundary)
        often = [{"fact": "order.delivery_attempts", "operator": ">", "value": 3}]
        editing.save(author, Guardrail(version=draft, kind="never", conditions=often, case_types=["order_status"]))
        asked = Ruling.objects.filter(case_type="order_status").count()
        result = replayed(author, draft)
        assert result["cannot_say"] == {"count": asked, "facts": {"order.delivery_attempts": asked}}

    def test_a_ruling_under_an_unknown_vocabulary_says_nothing(self, night, author, partner):
        another_ruling(made_with={"vocabulary": "of another day"})
        assert replayed(author, partner.boundary.active_version)["cannot_say"]["count"] == 1

    def test_no_history_is_no_rate(self, author, partner):
        result = replayed(author, with_refund_rule(author, partner))
        assert (result["rulings"], result["rate"]) == (0, {"before": None, "after": None})


def test_a_replay_whose_worker_ended_can_be_asked_for_again(author, partner):
    asked = replaying.ask(author, partner.boundary.active_version)
    Replay.objects.filter(pk=asked.pk).update(status="running", started_at=timezone.now() - timedelta(minutes=3))
    assert replaying.give_up_lost(timezone.now()) == 1
    assert "Ask again" in Replay.objects.get(pk=asked.pk).error


def test_only_the_brands_of_the_boundary_are_replayed(night, author, partner):
    Partner.objects.create(slug="other", name="Other")
    before = replayed(author, partner.boundary.active_version)["rulings"]
    Partner.objects.filter(pk=partner.pk).update(boundary=None)
    assert before == 8
    assert replayed(author, partner.boundary.active_version)["rulings"] == 0


def test_a_limit_of_several_days_knows_what_was_given_before_the_period(arrive, customer, api, drain, author, partner):
    order = factories.OrderFactory(customer=customer)
    arrive(RETURN, order=order)
    scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
    api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json")
    drain()
    refund = Ruling.objects.get(action="refund", handler="autonomous")
    copy_of(refund, at=timezone.now() - timedelta(days=31))
    draft = releases.draft_from(author, partner.boundary)
    editing.save(author, Guardrail(version=draft, kind="velocity", actions=["refund"], count=1, days=60))
    result = replayed(author, draft)
    assert result["rulings"] == Ruling.objects.count() - 1
    assert [(flip["before"], flip["after"], flip["count"]) for flip in result["flips"]] == [("autonomous", "human", 1)]


class TestBeforeWidening:
    """What widens was replayed as it is, over enough days, against what rules now, exactly."""

    @pytest.fixture
    def wider(self, night, author, partner):
        draft = widening(author, partner.boundary)
        replaying.run(replaying.ask(author, draft).pk)
        assert not replaying.is_missing(draft)
        return draft

    def test_without_it_is_refused(self, night, author, partner):
        draft = widening(author, partner.boundary)
        with pytest.raises(Refused, match="Replay it over the last days"):
            releases.submit(author, draft)

    @pytest.mark.parametrize(
        "changed",
        [{"status": "failed"}, {"status": "running"}, {"result": {"exact": {"wrong": 1}}}, {"against": None},
         {"content_hash": "0" * 64}],
    )  # fmt: skip
    def test_one_that_says_something_else_is_none(self, wider, changed):
        Replay.objects.filter(version=wider).update(**changed)
        assert replaying.is_missing(wider)

    def test_nor_is_one_of_fewer_days(self, wider):
        Replay.objects.filter(version=wider).update(since=timezone.now() - timedelta(days=29))
        assert replaying.is_missing(wider)

    def test_nor_one_from_before_an_edit(self, wider, author):
        limit_of_the_day(author, wider, "3001.00")
        assert replaying.is_missing(wider)

    def test_nor_one_against_what_ruled_before(self, wider, author, boundary):
        narrower = releases.draft_from(author, boundary)
        limit_of_the_day(author, narrower, "10.00")
        releases.tighten(author, narrower)
        assert replaying.is_missing(wider)

    def test_without_a_history_none_is_needed(self, author, partner):
        assert not replaying.is_missing(widening(author, partner.boundary))


def test_a_case_that_ended_otherwise_than_its_limits_say_is_counted(night, author, partner):
    another_ruling(handler="human" if Ruling.objects.order_by("id").first().handler == "autonomous" else "autonomous")
    result = replayed(author, partner.boundary.active_version)
    assert result["ended"]["differ"] == 1


def test_what_the_draft_grants_and_something_else_keeps_back_is_counted(night, author, partner):
    assert replayed(author, with_refund_rule(author, partner))["kept_back"] == 1
    assert replayed(author, partner.boundary.active_version)["kept_back"] == 0
