"""What a proposal says it would change, and what it is proven for."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.interactions import onboarding
from apps.learning import proposing
from apps.learning.region import Region
from apps.policies import audit
from apps.policies.money import Money
from tests.learning.test_minimums import copied
from tests.learning.test_refining import pieces

KIND = ("refund_exception", "refund")
ANY_REFUND = Region((), Money(Decimal(200), "USD"))
GATE = {"question": "permitted", "code": "gate", "reason": "", "handler": "human"}


@pytest.fixture
def lately(escalated):
    """Some cases like a refund past its window, of the last weeks: `lately(40, …)`."""
    ruling = escalated.interaction.ruling

    def make(count, *codes, days=3, **more):
        downgrades = [{**GATE, "code": code} for code in ("gate", *codes)]
        for _ in range(count):
            copied(
                ruling,
                timezone.now() - timedelta(days=days),
                1,
                downgrades=downgrades,
                **{"subject": str(uuid4()), **more},
            )

    return make


def expected(boundary, region=ANY_REFUND):
    return proposing._expected(boundary, "widen", KIND, region, timezone.now())


class TestExpected:
    def test_what_a_check_holds_back_anyway_and_what_is_held_out_is_not_promised(self, lately, boundary, partner):
        lately(39)
        lately(20, "confidence")
        lately(20, "open case")
        lately(10, "stage", "paused")
        lately(50, days=40)
        found = expected(boundary)
        assert (found["cases"], found["of"], found["alone"]) == (round(50 * 0.95), 90, 0)
        assert Decimal(found["money"]) == round(50 * Decimal("84.50") * Decimal("0.95"), 2)

    def test_what_a_guardrail_keeps_from_any_grant_is_not_promised(self, lately, escalated, boundary):
        """What is said in public is people's, whatever a grant says."""
        facts = dict(escalated.interaction.ruling.facts)
        lately(9)
        before = expected(boundary)["cases"]
        lately(30, facts={**facts, "message.public": {**facts["message.public"], "value": True}})
        assert expected(boundary)["cases"] == before > 0

    def test_of_many_a_part_is_read_and_the_whole_is_told(self, lately, boundary, monkeypatch):
        lately(99)
        monkeypatch.setattr(proposing, "MOST_RULINGS", 20)
        assert expected(boundary)["cases"] == 95

    def test_a_case_that_is_ruled_on_again_is_one(self, lately, escalated, boundary):
        """As it was ruled on first: once it was handled, a grant leaves it to people."""
        before = expected(boundary)
        lately(30, subject=escalated.interaction.ruling.subject)
        assert {**expected(boundary), "hours": before["hours"]} == before
        lately(1, "confidence", subject="another case")
        lately(9, subject="another case")
        found = expected(boundary)
        assert (found["cases"], found["of"]) == (before["cases"], before["of"] + 1)

    def test_another_region_promises_nothing(self, lately, boundary):
        lately(9)
        assert expected(boundary, Region((), Money(Decimal(20), "USD")))["cases"] == 0

    def test_a_sandbox_counts_for_nothing(self, lately, boundary, partner):
        twin = onboarding.sandbox(partner, actor=audit.system("test")).partner
        before = expected(boundary)["cases"]
        lately(30, partner_id=twin.pk)
        assert expected(boundary)["cases"] == before


class TestProven:
    def test_a_version_that_made_none_of_what_certifies_is_not_proven(self):
        """One that made cases of the older part alone, by which the region was found."""
        some = [
            replace(one, made_with=("drafter old",) if n < 300 else ("drafter new",))
            for n, one in enumerate(pieces(1200))
        ]
        certifying = proposing.refining.split(some)[1]
        assert proposing._made_with(certifying) == ["drafter new"]
        assert proposing._made_with(some) == ["drafter new", "drafter old"]

    def test_one_customer_with_many_cases_proves_no_version(self):
        some = [
            replace(one, made_with=("drafter new",), judged=replace(one.judged, customer="the same")) if n < 100
            else replace(one, made_with=("drafter old",))
            for n, one in enumerate(pieces(400))
        ]  # fmt: skip
        assert proposing._made_with(some) == ["drafter old"]
