"""What each action needs of the order itself before the AI does it alone, whatever type the text suggests.

No boundary can take these away: a type is read from words, and words grant nothing. Only facts that may grant stand
here; one that is unknown does not hold.
"""

from apps.policies.conditions import Condition, evaluate
from apps.policies.facts import Facts
from apps.policies.words import Action

_NO_CHARGEBACK = Condition("order.chargeback_open", "is", False)
_NOT_CANCELLED = Condition("order.status", "not in", frozenset({"cancelled"}))
_GONE_OUT = Condition("order.status", "in", frozenset({"shipped", "delivered"}))

OWN_CONDITIONS: dict[Action, tuple[Condition, ...]] = {
    Action.REFUND: (_NO_CHARGEBACK,),
    Action.PARTIAL_REFUND: (_NO_CHARGEBACK,),
    Action.STORE_CREDIT: (_NO_CHARGEBACK,),
    Action.GOODWILL: (_NO_CHARGEBACK,),
    Action.RETURN_LABEL: (
        Condition("order.status", "is", "delivered"),
        Condition("order.days_past_window", "≤", 0),
        Condition("order.final_sale", "is", False),
        Condition("order.label_sent", "is", False),
        _NO_CHARGEBACK,
    ),
    Action.REPLACEMENT: (_GONE_OUT, _NO_CHARGEBACK),
    Action.COURIER_CLAIM: (_GONE_OUT,),
    Action.CANCEL_ORDER: (Condition("order.dispatched", "is", False), _NOT_CANCELLED, _NO_CHARGEBACK),
    Action.CHANGE_ORDER: (Condition("order.dispatched", "is", False), _NOT_CANCELLED),
}


def lacking(action: Action, facts: Facts) -> list[Condition]:
    """The conditions of the action that the facts do not meet."""
    known = {fact.name: fact.value for fact in facts}
    return [condition for condition in OWN_CONDITIONS.get(action, ()) if evaluate(condition, known) is not True]
