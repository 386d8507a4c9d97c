"""Replay: a draft over what happened, exact where it can be checked, and honest where it cannot say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.utils import timezone

from apps.learning.models import Signal
from apps.policies import columnar, editing, limits, releases, replaying
from apps.policies.errors import Refused
from apps.policies.facts import vocabulary_hash
from apps.policies.models import Guardrail, Partner, Replay, Rule, Ruling, Vocabulary
from apps.policies.money import Money
from apps.policies.replay_summary import upper_bound
from apps.policies.specs import LimitSpec
from apps.policies.vector_gate import ACTIONS
from apps.policies.words import CaseType
from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS
from tests.interactions.test_deciding import decide, pass_undo_window


@pytest.fixture
def author(partner):
    return factories.ops_manager()


@pytest.fixture
def night(arrive, customer):
    """Some cases of every kind, ruled by the active version: two of them by the AI alone."""
    for days_ago in (2, 5, 33, 47):
        order = factories.OrderFactory(customer=customer, days_ago=days_ago)
        arrive(RETURN, order=order)
    arrive(STATUS, order=factories.OrderFactory(customer=customer))
    arrive(MISSING, order=factories.OrderFactory(customer=customer))
    arrive(COMPLAINT, order=factories.OrderFactory(customer=customer), public=True, channel="social")
    arrive("zxcv qwerty", order=factories.OrderFactory(customer=customer), sender_verified=None)


def replayed(author, version):
    asked = replaying.ask(author, version)
    replaying.run(asked.pk)
    found = Replay.objects.get(pk=asked.pk)
    assert found.status == "done", found.error
    return found.result


def with_refund_rule(author, partner, **fields):
    """A draft that lets the AI refund up to 15 days past the window."""
    draft = releases.draft_from(author, partner.boundary)
    rule = Rule(version=draft, case_type="refund_exception", handler="autonomous", action="refund", ceiling=Decimal("100.00"),
                conditions=[{"fact": "order.days_past_window", "operator": "between", "value": [1, 15]}], **fields)  # fmt: skip
    editing.save(author, rule)
    for _ in range(2):
        editing.move(author, rule, up=True)
    return draft


class TestExactness:
    def test_every_stored_ruling_of_the_active_version_is_reproduced(self, night, author, partner):
        result = replayed(author, partner.boundary.active_version)
        assert result["exact"] == {"checked": Ruling.objects.count(), "wrong": 0, "examples": []}
        assert result["rulings"] == Ruling.objects.count() == 8
        assert result["flips"] == []
        assert result["rate"]["before"] == result["rate"]["after"]

    def test_a_ruling_that_is_not_reproduced_is_shown(self, night, author, partner):
        first = Ruling.objects.order_by("id").first()
        Ruling.objects.create(
            **{f.name: getattr(first, f.name) for f in Ruling._meta.fields if f.name not in ("id", "rule")},
            rule="rule 11",
        )
        result = replayed(author, partner.boundary.active_version)
        assert (result["exact"]["wrong"], result["exact"]["examples"]) == (1, [Ruling.objects.latest("id").pk])

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
        assert result["blind"] == {"cases": 0, "agreed": 0, "enough": False}

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

    def test_no_history_is_no_rate(self, author, partner):
        result = replayed(author, with_refund_rule(author, partner))
        assert (result["rulings"], result["rate"]) == (0, {"before": None, "after": None})


class TestEvidence:
    def test_blind_decisions_on_the_newly_autonomous_cases_are_counted_with_their_bound(self, partner, author):
        from apps.policies.replay_summary import LEAST_BLIND, Evidence, _blind

        class Replayed:
            arrays = {"id": np.arange(450.0)}

        blind = {n: n != 7 for n in range(450)}
        found = _blind(Replayed, np.ones(450, np.bool_), Evidence(blind=blind).blind)
        assert found == {"cases": 450, "agreed": 449, "enough": True, "error_below": 1.05}
        few = dict.fromkeys(range(LEAST_BLIND - 1), True)
        assert _blind(Replayed, np.ones(450, np.bool_), few)["enough"] is False

    def test_the_bound_is_the_exact_one(self):
        assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
        assert upper_bound(5, 5) == 1.0

    def test_a_signal_decided_blind_is_evidence(self, held, drain, partner):
        from apps.learning.replay_evidence import evidence_for

        decision = decide(held)
        pass_undo_window()
        drain()
        now = timezone.now()
        period = ([partner.pk], now - timedelta(days=1), now + timedelta(days=1))
        assert evidence_for(*period).blind == {}
        signal = Signal.objects.get()
        Signal.objects.create(
            **{f.name: getattr(signal, f.name) for f in Signal._meta.fields if f.name not in ("id", "decision", "proposal_seen")},
            decision=self.another(decision), proposal_seen=False,
        )  # fmt: skip
        evidence = evidence_for(*period)
        assert list(evidence.blind.values()) == [True]
        assert evidence.seconds.keys() == {"refund_exception"}
        assert sum(evidence.people) == 1

    def another(self, decision):
        from apps.interactions.models import DecisionRecord

        fields = {
            f.name: getattr(decision, f.name)
            for f in DecisionRecord._meta.fields
            if f.name not in ("id", "reference", "state")
        }
        return DecisionRecord.objects.create(**fields, state="failed")

    def test_hours_and_waits_come_from_how_long_people_took(self, night, held, drain, author, partner):
        decide(held)
        pass_undo_window()
        drain()
        result = replayed(author, partner.boundary.active_version)
        hours = result["hours"]
        assert hours["known"] is True
        assert len(hours["rows"]) == 24
        assert hours["saved_hours"] == 0


def test_chunks_and_log_give_the_same_result(night, author, partner, monkeypatch):
    draft = with_refund_rule(author, partner)
    from_log = replayed(author, draft)
    monkeypatch.setattr(columnar, "CHUNK", 3)
    later = timezone.now() + timedelta(hours=1)
    assert columnar.build(later, most=9) == 2, "the last two are no whole chunk"
    assert columnar.build(later, most=9) == 0
    assert replayed(author, draft) == from_log


def test_a_young_ruling_waits_for_its_chunk(night, monkeypatch):
    monkeypatch.setattr(columnar, "CHUNK", 3)
    assert columnar.build(timezone.now()) == 0


def test_a_replay_whose_worker_ended_can_be_asked_for_again(author, partner):
    asked = replaying.ask(author, partner.boundary.active_version)
    Replay.objects.filter(pk=asked.pk).update(status="running", started_at=timezone.now() - timedelta(minutes=3))
    assert replaying.give_up_lost(timezone.now()) == 1
    assert "Ask again" in Replay.objects.get(pk=asked.pk).error


class TestLimits:
    """Limits over past cases, at most so much in so long."""

    def held(self, limit, cases, zone="UTC"):
        """Which of the cases (hours since the start, cents, party) still act alone."""
        count = len(cases)
        start = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
        arrays = {
            "at": np.array([start + hours * 3600 for hours, *_ in cases]),
            "partner": np.ones(count, np.int32),
            "case type": np.full(count, CaseType.values.index("standard_return")),
            "action": np.full(count, ACTIONS.index("refund")),
            "amount": np.array([cents for _, cents, *_ in cases]),
        }
        texts = {"currency": ["USD"] * count, "customer": [party for *_, party in cases]}
        alone = np.ones(count, np.bool_)
        limits.hold((limit,), alone, arrays, texts, {1: ZoneInfo(zone)})
        return alone.tolist()

    def test_a_budget_a_day_begins_anew_at_the_partners_midnight(self):
        limit = LimitSpec("g", "budget", amount=Money(Decimal("100.00"), "USD"))
        cases = [(1, 6000, ""), (2, 6000, ""), (3, 4000, ""), (25, 6000, "")]
        assert self.held(limit, cases) == [True, False, True, True]
        assert self.held(limit, [(3, 6000, ""), (6, 6000, "")], "America/New_York") == [True, True], "22:00 and 01:00"

    def test_a_rolling_budget_counts_the_last_days(self):
        limit = LimitSpec("g", "budget", amount=Money(Decimal("100.00"), "USD"), days=7)
        assert self.held(limit, [(0, 6000, ""), (24 * 6, 6000, ""), (24 * 8, 6000, "")]) == [True, False, True]

    def test_velocity_counts_for_each_customer_and_an_unknown_one_never_fits(self):
        limit = LimitSpec("g", "velocity", count=2, days=90, per="customer")
        cases = [(0, 1, "a"), (1, 1, "a"), (2, 1, "a"), (3, 1, "b"), (4, 1, "")]
        assert self.held(limit, cases) == [True, True, False, True, False]

    def test_quiet_hours_run_over_midnight(self):
        limit = LimitSpec("g", "quiet", hours=(22 * 60, 6 * 60))
        assert self.held(limit, [(1, 1, ""), (7, 1, ""), (23, 1, "")]) == [False, True, False]


def test_only_the_brands_of_the_boundary_are_replayed(night, author, partner):
    Partner.objects.create(slug="other", name="Other")
    before = replayed(author, partner.boundary.active_version)["rulings"]
    Partner.objects.filter(pk=partner.pk).update(boundary=None)
    assert before == 8
    assert replayed(author, partner.boundary.active_version)["rulings"] == 0


class TestWhileTheLogGrows:
    def ids(self, batches):
        return [int(ruling) for batch in batches for ruling in batch["id"]]

    def test_what_is_copied_during_a_replay_is_in_it_once(self, night, monkeypatch):
        monkeypatch.setattr(columnar, "CHUNK", 2)
        later = timezone.now() + timedelta(hours=1)
        columnar.build(later)
        batches = columnar.batches(later - timedelta(days=90), later, [], None)
        first = self.ids([next(batches)])
        columnar.build(later, most=2)
        assert sorted(first + self.ids(batches)) == sorted(Ruling.objects.values_list("pk", flat=True))

    def test_a_ruling_with_a_smaller_id_and_a_later_time_is_not_passed_over(self, night, monkeypatch):
        monkeypatch.setattr(columnar, "CHUNK", 1)
        now = timezone.now() + timedelta(hours=1)
        young, old = (another_ruling(at=now - timedelta(seconds=seconds)) for seconds in (599, 601))
        columnar.build(now, most=99)
        found = self.ids(columnar.batches(now - timedelta(days=90), now + timedelta(hours=3), [], None))
        assert {young.pk, old.pk} <= set(found)
        assert len(found) == len(set(found))


def another_ruling(**fields):
    """A copy of the first ruling with other values for some fields."""
    first = Ruling.objects.order_by("id").first()
    values = {field.name: getattr(first, field.name) for field in Ruling._meta.fields if field.name != "id"}
    return Ruling.objects.create(**{**values, **fields})


def test_a_limit_of_several_days_knows_what_was_given_before_the_period(arrive, customer, api, drain, author, partner):
    order = factories.OrderFactory(customer=customer)
    arrive(RETURN, order=order)
    scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
    api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json")
    drain()
    refund = Ruling.objects.get(action="refund", handler="autonomous")
    values = {field.name: getattr(refund, field.name) for field in Ruling._meta.fields if field.name != "id"}
    Ruling.objects.create(**{**values, "at": timezone.now() - timedelta(days=31)})
    draft = releases.draft_from(author, partner.boundary)
    editing.save(author, Guardrail(version=draft, kind="velocity", actions=["refund"], count=1, days=60))
    result = replayed(author, draft)
    assert result["rulings"] == Ruling.objects.count() - 1
    assert [(flip["before"], flip["after"], flip["count"]) for flip in result["flips"]] == [("autonomous", "human", 1)]


def test_a_replay_of_fewer_days_or_with_a_mismatch_is_not_enough_to_widen(night, author, partner):
    draft = releases.draft_from(author, partner.boundary)
    budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = Decimal("9000.00")
    editing.save(author, budget)
    replaying.run(replaying.ask(author, draft, days=1).pk)
    assert replaying.is_missing(draft)
    with pytest.raises(Refused, match="Replay it over the last days"):
        releases.submit(author, draft)
    replaying.run(replaying.ask(author, draft).pk)
    assert not replaying.is_missing(draft)
    Replay.objects.filter(version=draft).update(result={"exact": {"wrong": 1}})
    assert replaying.is_missing(draft)


def test_a_case_that_ended_otherwise_than_its_limits_say_is_counted(night, author, partner):
    another_ruling(handler="human" if Ruling.objects.order_by("id").first().handler == "autonomous" else "autonomous")
    result = replayed(author, partner.boundary.active_version)
    assert result["ended"]["differ"] == 1
