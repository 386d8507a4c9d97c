"""Harm: what waiting costs somebody, which orders cases whose clocks run out together."""

from apps.interactions.case import Case

# The worst that is found counts. Bodily harm comes before law and money, those before a good customer's patience.
_OF_ALARM = {"harm": 5, "injury": 5, "legal": 4, "fraud": 4, "privacy": 3, "press": 3, "repeated": 2}
_OF_TIER = {"vip": 2, "gold": 1}


def harm_of(case: Case) -> int:
    """From 0 (nobody is worse off for waiting) to 5 (somebody may be hurt)."""
    found = case.facts.value("message.alarms")
    alarms = [_OF_ALARM[alarm] for alarm in found] if isinstance(found, frozenset) else []
    chargeback = [4] if case.facts.value("order.chargeback_open") else []
    return max([*alarms, *chargeback, _OF_TIER.get(case.customer.tier if case.customer else "", 0)])
