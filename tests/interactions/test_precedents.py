"""Precedents: like cases by type and facts, the line they make, and what deciding against it asks for."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import claiming, likeness, precedents
from apps.interactions.models import DecisionRecord, Precedent
from apps.policies.errors import Refused
from apps.policies.models import AuditEntry
from apps.policies.money import Money
from tests import factories
from tests.conftest import RETURN, browser, page
from tests.deciding import decide, pass_undo_window

USD = "USD"


def past(escalation, action="refund", number=1, age=1, level="near", **more):
    """`number` earlier decisions of people in cases alike to this one, on one level of likeness only."""
    ruling = escalation.interaction.ruling
    circles = likeness.circles(ruling.case_type, precedents.facts_of(ruling))
    keys = dict(zip(("near", "close", "wide"), (circle.key for circle in circles), strict=True))
    finer = {"near": (), "close": ("near",), "wide": ("near", "close")}[level]
    keys |= dict.fromkeys(finer, "another")
    rows = DecisionRecord.objects.bulk_create(
        DecisionRecord(
            partner=ruling.partner, interaction=escalation.interaction, ruling=ruling, state="executed", how="approved",
            decided_by=factories.supervisor(), action=action, decided_at=timezone.now() - timedelta(days=age),
        )
        for _ in range(number)
    )  # fmt: skip
    at = timezone.now() - timedelta(days=age)
    Precedent.objects.bulk_create(
        Precedent(
            decision=row,
            case=escalation.interaction.reference,
            partner=more.get("partner", ruling.partner),
            case_type=ruling.case_type,
            action=action,
            at=at,
            **keys,
        )
        for row in rows
    )


def line(escalation):
    return precedents.line_of_ruling(escalation.interaction.ruling)


class TestLikeness:
    FACTS = {
        "order.days_past_window": 17, "message.reason": "changed_mind", "order.refundable": Money(Decimal("84.50"), USD),
        "customer.refunds_90d": 0, "customer.tier": "gold",
    }  # fmt: skip

    def near(self, **other):
        facts = self.FACTS | {name.replace("__", "."): value for name, value in other.items()}
        return likeness.circles("refund_exception", facts)[0]

    @pytest.mark.parametrize(
        "other",
        [{"order__days_past_window": 30}, {"order__refundable": Money(Decimal("50.01"), USD)}, {"customer__lifetime_value": Money(Decimal(1), USD)}],
    )  # fmt: skip
    def test_values_of_one_band_are_alike_and_facts_that_do_not_tell_are_not_asked(self, other):
        assert self.near(**other) == self.near()

    @pytest.mark.parametrize(
        "other",
        [{"order__days_past_window": 31}, {"order__days_past_window": 14}, {"order__refundable": Money(Decimal("100.01"), USD)},
         {"order__refundable": Money(Decimal("84.50"), "EUR")}, {"customer__tier": "vip"}, {"customer__refunds_90d": 1},
         {"message__reason": "damaged"}, {"order__days_past_window": None}],
    )  # fmt: skip
    def test_values_of_another_band_are_not(self, other):
        assert self.near(**other).key != self.near().key

    def test_it_says_in_what_cases_are_alike(self):
        assert self.near().words == (
            "days past the window 14–30, reason the customer gives changed mind, amount still refundable 50–100 USD, "
            "refunds in 90 days 0, customer tier gold"
        )

    def test_every_type_has_facts_that_tell(self):
        assert set(likeness.TELLING) == set(likeness.CaseType)
        for case_type in likeness.CaseType:
            assert len({circle.key for circle in likeness.circles(case_type, {})}) >= 2


class TestLine:
    def test_nothing_decided_is_no_line(self, escalated):
        assert (line(escalated).cases, line(escalated).clear) == ((), False)

    def test_enough_that_say_the_same_are_a_clear_line(self, escalated):
        past(escalated, number=4)
        assert not line(escalated).clear, "four are too few"
        past(escalated, "store_credit")
        assert line(escalated).clear
        assert line(escalated).in_words() == "In 4 of 5 like cases: refund"
        past(escalated, "deny")
        assert not line(escalated).clear, "four of six"

    def test_the_nearest_circle_with_enough_cases_is_asked(self, escalated):
        past(escalated, "refund", number=6, level="wide")
        assert len(line(escalated).cases) == 6
        past(escalated, "deny", number=5, level="near")
        assert line(escalated).actions == (("deny", 5),)

    def test_only_the_latest_count(self, escalated):
        past(escalated, "deny", number=30, age=30)
        past(escalated, "refund", number=precedents.LOOKED_AT)
        assert line(escalated).actions == (("refund", precedents.LOOKED_AT),)

    def test_another_brands_decisions_are_none(self, escalated):
        from apps.interactions.demo import demo_partner

        past(escalated, number=6, partner=demo_partner("glow", "Glow"))
        assert line(escalated).cases == ()


class TestKeeping:
    def test_a_committed_decision_of_a_person_becomes_one(self, held, drain):
        decide(held, option=1, reason_code="goodwill", wrong_part="action")
        assert not Precedent.objects.exists(), "it can still be taken back"
        pass_undo_window()
        drain()
        kept = Precedent.objects.get()
        assert (kept.action, kept.amount, kept.reason) == ("store_credit", Decimal("84.50"), "Goodwill")
        assert kept.near.startswith("refund_exception|14–30|")

    def test_a_question_to_the_customer_does_not(self, held, drain):
        decide(held, question="Which one?")
        pass_undo_window()
        drain()
        assert DecisionRecord.objects.get().committed_at
        assert not Precedent.objects.exists()

    def test_the_packet_of_the_next_like_case_holds_them(self, held, drain, arrive, order):
        decide(held)
        pass_undo_window()
        drain()
        other = factories.OrderFactory(customer=factories.CustomerFactory(partner=order.partner), days_ago=47)
        content = arrive(RETURN, order=other).packets.get().content
        assert [(case["action"], case["case"]) for case in content["precedents"]] == [
            ("refund", str(held[1].interaction.reference))
        ]


class TestAgainstALine:
    def test_one_reason_more_is_asked_for_and_kept(self, escalated):
        past(escalated, number=6)
        held = factories.supervisor(), None
        held = held[0], claiming.claim(held[0], escalated.pk)
        otherwise = {"option": 1, "reason_code": "goodwill", "wrong_part": "action"}
        with pytest.raises(Refused, match=r"In 6 of 6 like cases: refund\. Say what is different here"):
            decide(held, **otherwise)
        with pytest.raises(Refused, match="different here"):
            decide(held, **otherwise, unlike="  ")
        decision = decide(held, **otherwise, unlike="They asked for credit themselves.")
        assert decision.unlike == "They asked for credit themselves."
        assert AuditEntry.objects.get(event="decided").details["like_cases"]["actions"] == {"refund": 6}

    def test_also_when_the_proposal_is_what_goes_against_it(self, escalated):
        past(escalated, "deny", number=6)
        user = factories.supervisor()
        held = user, claiming.claim(user, escalated.pk)
        with pytest.raises(Refused, match="In 6 of 6 like cases: decline"):
            decide(held)

    def test_following_it_or_asking_the_customer_needs_nothing(self, escalated):
        past(escalated, number=6)
        user = factories.supervisor()
        held = user, claiming.claim(user, escalated.pk)
        assert decide(held).unlike == ""

    def test_the_brief_shows_the_line_and_leads_to_its_cases(self, escalated):
        past(escalated, number=5)
        past(escalated, "deny", number=1)
        user = factories.supervisor()
        claiming.claim(user, escalated.pk)
        shown = page(browser(user), f"/reach/{escalated.pk}/")
        assert "In 6 like cases" in shown
        assert 'aria-label="Refund 5 of 6, Decline 1 of 6"' in shown
        assert f"/cases/{escalated.interaction.reference}/" in shown
        assert "In 5 of 6 like cases: refund. What is different here?" in shown


class TestWhichPartWasWrong:
    def test_an_override_names_it(self, held):
        with pytest.raises(Refused, match="which part of the proposal was wrong"):
            decide(held, option=1, reason_code="goodwill")
        with pytest.raises(Refused, match="Choose from the list"):
            decide(held, option=1, reason_code="goodwill", wrong_part="mood")
        assert decide(held, option=1, reason_code="goodwill", wrong_part="facts").wrong_part == "facts"

    @pytest.mark.parametrize(
        ("fields", "part"),
        [({}, ""), ({"amount": "50.00"}, "amount"), ({"reply": "Dear Mira, it is done."}, "wording"),
         ({"amount": "50.00", "wrong_part": "facts"}, "facts")],
    )  # fmt: skip
    def test_what_was_modified_says_it_by_itself(self, held, fields, part):
        assert decide(held, **fields).wrong_part == part

    def test_the_signal_keeps_it(self, held, drain):
        decision = decide(held, option=1, reason_code="goodwill", wrong_part="type")
        pass_undo_window()
        drain()
        assert DecisionRecord.objects.get(pk=decision.pk).signal.wrong_part == "type"
