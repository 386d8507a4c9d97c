"""Random facts, conditions, rules and guardrails, from a vocabulary small enough that they meet."""

from decimal import Decimal

from hypothesis import strategies as st

from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY, Kind, Value
from apps.policies.money import Money
from apps.policies.operators import OPERATORS
from apps.policies.specs import GuardrailSpec, Proposal, RuleSpec
from apps.policies.words import Action, Handler, Seniority

NAMES = (
    "sender.verified", "order.belongs_to_sender", "order.days_past_window", "order.refundable", "customer.tier",
    "order.final_sale", "customer.refunds_90d", "message.intents",
)  # fmt: skip
MONEY = st.builds(
    Money, st.sampled_from([Decimal("0.00"), Decimal("50.00"), Decimal("100.00")]), st.sampled_from(["USD", "EUR"])
)
INTENTS = st.frozensets(st.sampled_from(["order_status", "complaint", "return_or_refund"]), min_size=1)


def values_of(name: str) -> st.SearchStrategy[Value]:
    spec = VOCABULARY[name]
    match spec.kind:
        case Kind.BOOL:
            return st.booleans()
        case Kind.MONEY:
            return MONEY
        case Kind.CHOICE:
            return st.sampled_from(spec.choices)
        case Kind.SET:
            return INTENTS
    return st.integers(max(-3, spec.minimum if spec.minimum is not None else -3), 3)


facts = st.fixed_dictionaries({name: st.none() | values_of(name) for name in NAMES})


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(NAMES))
    kind = VOCABULARY[name].kind
    sign = draw(st.sampled_from([sign for sign, operator in OPERATORS.items() if kind in operator.kinds]))
    value = values_of(name)
    match OPERATORS[sign].operand:
        case "none":
            return Condition(name, sign)
        case "many":
            one = (
                st.sampled_from(sorted(VOCABULARY[name].choices))
                if kind is Kind.CHOICE
                else st.sampled_from(["complaint", "order_status"])
            )
            return Condition(name, sign, draw(st.frozensets(one, min_size=1, max_size=2)))
        case "two":
            low, high = draw(value), draw(value)
            if isinstance(low, Money) and isinstance(high, Money):
                low, high = sorted((low, Money(high.amount, low.currency)), key=lambda money: money.amount)
            else:
                low, high = sorted((low, high))  # type: ignore[type-var]
            return Condition(name, sign, (low, high))
    return Condition(name, sign, draw(value))


@st.composite
def rules(draw: st.DrawFn) -> list[RuleSpec]:
    found = []
    for index in range(draw(st.integers(0, 5))):
        found.append(
            RuleSpec(
                key=f"rule {index}",
                case_type="standard_return",
                conditions=tuple(draw(st.lists(conditions(), max_size=3))),
                handler=draw(st.sampled_from(Handler.values)),
                action=draw(st.sampled_from([Action.REFUND.value, Action.RETURN_LABEL.value, Action.REPLY.value])),
                ceiling=draw(st.none() | MONEY),
                seniority=draw(st.sampled_from(Seniority.values)),
            )
        )
    return found


@st.composite
def guardrails(draw: st.DrawFn) -> list[GuardrailSpec]:
    found = []
    for index in range(draw(st.integers(0, 3))):
        found.append(
            GuardrailSpec(
                key=f"guardrail {index}",
                conditions=tuple(draw(st.lists(conditions(), max_size=2))),
                ceiling=draw(st.none() | MONEY),
                seniority=draw(st.sampled_from(Seniority.values)),
            )
        )
    return found


proposals = st.builds(
    Proposal,
    action=st.sampled_from([Action.REFUND.value, Action.RETURN_LABEL.value, Action.REPLY.value]),
    amount=st.none() | MONEY,
    discloses_order=st.booleans(),
)
