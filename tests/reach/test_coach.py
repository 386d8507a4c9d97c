"""The coach: what stopped the AI, the smallest rule that would let it, and a draft that grants nothing by itself."""

from decimal import Decimal

import pytest

from apps.interactions import likeness, precedents
from apps.interactions.models import DecisionRecord
from apps.policies import coaching, simulating
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion, Rule
from apps.policies.money import Money
from tests import factories
from tests.conftest import MISSING, STATUS, browser, page
from tests.deciding import decide, pass_undo_window


@pytest.fixture
def manager(db):
    return factories.ops_manager()


@pytest.fixture
def decided(held, drain):
    """A refund of 84.50, 17 days past the window, that a person gave."""
    decide(held)
    pass_undo_window()
    drain()
    return DecisionRecord.objects.get()


def lesson(decision, action=None, amount="same"):
    ruling = decision.ruling
    money = Money(decision.amount, decision.currency) if amount == "same" and decision.amount else None
    facts = precedents.facts_of(ruling)
    return coaching.lesson(
        ruling, action or decision.action, money, facts, likeness.TELLING[likeness.CaseType(ruling.case_type)]
    )


class TestLesson:
    def test_it_names_the_rule_that_stopped_it_and_what_else_did(self, decided):
        stops = lesson(decided).stops
        assert [stop.key for stop in stops if stop.by_rule] == [decided.ruling.rule]
        assert any("Not earned" in stop.words for stop in stops)
        assert not any(stop.key.startswith("built-in") for stop in stops), "what held stopped nothing"

    def test_the_smallest_rule_has_the_cases_own_values_and_amount(self, decided):
        found = lesson(decided)
        assert found.ceiling == Decimal("84.50")
        conditions = {(c["fact"], c["operator"]): c["value"] for c in found.conditions}
        assert conditions["order.days_past_window", "≤"] == 17
        assert conditions["sender.verified", "is"] is True
        assert not any(fact.startswith("message.") for fact, _ in conditions), "what customers write grants nothing"
        assert "the AI alone may refund up to 84.50 USD" in found.sentence

    @pytest.mark.parametrize(("action", "said"), [("refer", "never the AI's alone"), ("deny", "never the AI's alone")])
    def test_what_is_never_the_ais_alone_has_no_rule(self, decided, action, said):
        assert said in lesson(decided, action=action).none_because

    def test_an_unknown_sender_has_no_rule(self, arrive, order, manager, drain):
        from apps.interactions import claiming

        escalation = arrive(MISSING, order=order, sender_verified=False).escalations.get()
        user = factories.supervisor()
        decision = decide((user, claiming.claim(user, escalation.pk)))
        assert "not certain who wrote" in lesson(decision).none_because
        with pytest.raises(Refused, match="not certain"):
            coaching.open_draft(manager, lesson(decision))


class TestDraft:
    def test_it_lets_the_ai_do_this_case_alone_and_nothing_is_active_by_it(self, decided, manager):
        draft = coaching.open_draft(manager, lesson(decided))
        assert draft.state == "draft"
        assert BoundaryVersion.objects.get(state="active") != draft
        asked = simulating.read(simulating.of_ruling(decided.ruling))
        assert simulating.rule(decided.ruling.version, asked).handler == "human"
        assert simulating.rule(draft, asked).handler == "autonomous"

    def test_a_day_more_or_a_cent_more_stays_with_people(self, decided, manager):
        draft = coaching.open_draft(manager, lesson(decided))
        data = simulating.of_ruling(decided.ruling)
        later = {**data, "facts": {**data["facts"], "order.days_past_window": 18}}
        dearer = {**data, "amount": {"amount": "84.51", "currency": "USD"}}
        assert [simulating.rule(draft, simulating.read(case)).handler for case in (later, dearer)] == ["human", "human"]

    def test_it_comes_before_the_other_rules_of_its_type_and_touches_no_other(self, decided, manager):
        before = {rule.case_type for rule in decided.ruling.version.rules.all()}
        draft = coaching.open_draft(manager, lesson(decided))
        ours = list(Rule.objects.filter(version=draft, case_type="refund_exception").order_by("position"))
        assert ours[0].handler == "autonomous"
        assert len(ours) == decided.ruling.version.rules.filter(case_type="refund_exception").count() + 1
        assert {rule.case_type for rule in draft.rules.all()} == before
        assert "From case" in draft.note


class TestPage:
    def test_an_ops_manager_goes_from_the_case_to_the_draft(self, decided, manager):
        client = browser(manager)
        reference = decided.interaction.reference
        assert f"/cases/{reference}/coach/" in page(client, f"/cases/{reference}/")
        shown = page(client, f"/cases/{reference}/coach/")
        assert "the AI alone may refund up to 84.50 USD" in shown
        answer = client.post(f"/cases/{reference}/coach/")
        draft = BoundaryVersion.objects.get(state="draft")
        assert answer["Location"] == f"/admin/policies/boundaryversion/{draft.pk}/change/"

    def test_a_case_that_no_person_decided_has_none(self, arrive, order, manager):
        case = arrive(STATUS, order=order)
        client = browser(manager)
        assert client.get(f"/cases/{case.reference}/coach/").status_code == 404
        assert "coach" not in page(client, f"/cases/{case.reference}/")
