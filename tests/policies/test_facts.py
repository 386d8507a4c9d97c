from datetime import UTC, datetime, timedelta
from decimal import Decimal

from apps.policies import facts as vocabulary
from apps.policies.facts import Fact, Facts, FactSpec, Kind
from apps.policies.money import Money
from apps.policies.rulings import used_by_gate

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_fact_older_than_its_maximum_age_is_unknown(monkeypatch):
    aged = FactSpec("order.status", Kind.CHOICE, "order status", choices=("placed",), max_age=timedelta(hours=1))
    monkeypatch.setitem(vocabulary.VOCABULARY, "order.status", aged)
    fresh = Facts({"order.status": Fact("order.status", "placed", "shop", NOW - timedelta(minutes=59))})
    stale = Facts({"order.status": Fact("order.status", "placed", "shop", NOW - timedelta(minutes=61))})
    undated = Facts({"order.status": Fact("order.status", "placed", "shop", None)})
    assert fresh.known_at(NOW) == {"order.status": "placed"}
    assert stale.known_at(NOW) == undated.known_at(NOW) == {"order.status": None}


def test_what_the_customer_writes_may_only_restrict():
    said = [spec for name, spec in vocabulary.VOCABULARY.items() if name.startswith("message.")]
    assert said
    assert not any(spec.grants for spec in said)


def test_a_value_that_its_fact_cannot_have_is_unknown_and_stored_as_unusable():
    impossible = {
        "order.days_past_window": 99999, "customer.tier": "platinum", "sender.verified": "yes", "order.total": 5,
        "customer.orders": True, "order.nonsense": 1,
    }  # fmt: skip
    facts = Facts({name: Fact(name, value, "shop", NOW) for name, value in impossible.items()})
    assert set(facts.known_at(NOW).values()) == {None}
    assert used_by_gate(facts, NOW) == {}
    assert all(stored.get("unusable") for stored in facts.as_json(NOW).values())


def test_what_the_gate_used_is_kept_flat():
    values = {
        "order.days_past_window": 4, "customer.tier": "gold", "sender.verified": True,
        "order.total": Money(Decimal("84.50"), "USD"), "message.intents": frozenset({"feedback", "complaint"}),
    }  # fmt: skip
    facts = Facts({name: Fact(name, value, "shop", NOW) for name, value in values.items()})
    assert used_by_gate(facts, NOW) == {
        **values, "order.total": 8450, "order.total currency": "USD", "message.intents": ["complaint", "feedback"],
    }  # fmt: skip
