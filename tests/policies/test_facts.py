from datetime import UTC, datetime, timedelta

from apps.policies import facts as vocabulary
from apps.policies.facts import Fact, Facts, FactSpec, Kind

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_fact_older_than_its_maximum_age_is_unknown(monkeypatch):
    aged = FactSpec("order.status", Kind.CHOICE, "order status", max_age=timedelta(hours=1))
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
