"""Stored rulings as arrays: what each ruling said and knew, read from the log in bulk.

Arrays, one number a ruling: `id`, `at` (seconds since 1970), `partner`, `case type`, `action` (places in the closed
lists), `amount` (cents), `amount known`, `amount currency`, `discloses`, `strictness` (what the gate said), `rule`,
`refused by`, `version`, `handler` (in the end), `kept no` (the strictest handler among the noes that no limit said),
`confidence` (thousandths), `customer`, `address`, `payment`, `vocabulary`, and for each fact `fact …`, `known …`
and for money `currency …`. Where the number is a code, `words` says what it stands for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
from django.db import connection
from numpy.typing import NDArray

from apps.policies.columns import MOST_MEMBERS, mask_of
from apps.policies.facts import VOCABULARY, FactSpec, Kind
from apps.policies.gate import STRICTNESS
from apps.policies.words import Action, CaseType, Handler

LIMIT_CODES = frozenset({"confidence", "budget", "velocity", "quiet"})  # noes that a replay asks anew
ALWAYS = (
    "id", "at", "partner", "case type", "action", "amount", "amount known", "amount currency", "discloses", "strictness",
    "rule", "refused by", "version", "handler", "kept no", "confidence", "customer", "address", "payment", "vocabulary",
)  # fmt: skip
_HANDLERS = tuple(Handler.values)
_STORED = """
    SELECT id, extract(epoch FROM at)::float8, partner_id, case_type, action, proposal::text, gate_handler,
           verdict->>'seniority', rule, verdict->>'refused_by', version_id, handler, downgrades::text, confidence::float8,
           parties::text, made_with->>'vocabulary', facts::text
    FROM policies_ruling WHERE id > %s AND at < %s ORDER BY id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Array:
    data: NDArray[Any]
    words: tuple[str, ...] = ()


def read(*, after: int, until: datetime, limit: int) -> list[tuple[Any, ...]]:
    """Rows of the log in the order of their ids, with JSON as text."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [after, until, limit])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def arrays_of(rows: Sequence[tuple[Any, ...]]) -> dict[str, Array]:
    """The rows as arrays, each as small as its numbers allow."""
    (ids, at, partners, types, actions, proposals, gate_handlers, seniorities, rules, refused, versions, handlers,
     downgrades, confidences, parties, vocabularies, facts) = zip(*rows, strict=True)  # fmt: skip
    proposed = [orjson.loads(text) for text in proposals]
    amounts = [proposal["amount"] for proposal in proposed]
    keys = [orjson.loads(text) for text in parties]
    arrays = {
        "id": Array(np.array(ids, np.int64)),
        "at": Array(np.array(at, np.float64)),
        "partner": Array(np.array(partners, np.int32)),
        "case type": _listed(types, CaseType.values),
        "action": _listed(actions, Action.values),
        **_money("amount", "amount known", "amount currency", amounts),
        "discloses": Array(np.array([proposal["discloses_order"] for proposal in proposed], np.bool_)),
        "strictness": Array(
            np.array([STRICTNESS[pair] for pair in zip(gate_handlers, seniorities, strict=True)], np.int8)
        ),
        "rule": _coded(rules),
        "refused by": _coded([key or "" for key in refused]),
        "version": Array(np.array([version or 0 for version in versions], np.int64)),
        "handler": _listed(handlers, _HANDLERS),
        "kept no": Array(np.array([_kept_no(orjson.loads(text)) for text in downgrades], np.int8)),
        "confidence": Array(np.array([round(share * 1000) for share in confidences], np.int16)),
        **{name: _coded([key.get(name, "") for key in keys]) for name in ("customer", "address", "payment")},
        "vocabulary": _coded([name or "" for name in vocabularies]),
    }
    return {**arrays, **_facts([orjson.loads(text) for text in facts])}


def _listed(values: Sequence[str], known: Sequence[str]) -> Array:
    place = {word: code for code, word in enumerate(known)}
    return Array(np.array([place[value] for value in values], np.int16), tuple(known))


def _coded(values: Sequence[str]) -> Array:
    words = sorted(set(values))
    place = {word: code for code, word in enumerate(words)}
    return Array(np.array([place[value] for value in values], np.int32), tuple(words))


def _kept_no(downgrades: Iterable[Mapping[str, str]]) -> int:
    """The strictest handler that *able* or *earned* left, other than by a limit of the boundary; 0: none said no."""
    kept = [d["handler"] for d in downgrades if d["question"] != "permitted" and d.get("code") not in LIMIT_CODES]
    return max((_HANDLERS.index(handler) for handler in kept), default=0)


def _money(values: str, known: str, currencies: str, amounts: Sequence[Mapping[str, str] | None]) -> dict[str, Array]:
    words = sorted({amount["currency"] for amount in amounts if amount})
    place = {word: code for code, word in enumerate(words)}
    return {
        values: Array(np.array([_cents(a["amount"]) if a else 0 for a in amounts], np.int64), tuple(words)),
        known: Array(np.array([a is not None for a in amounts], np.bool_)),
        currencies: Array(np.array([place[a["currency"]] if a else -1 for a in amounts], np.int16)),
    }


def _cents(text: str) -> int:
    """ "84.50" → 8450, without the cost of a Decimal; stored amounts always have two decimals."""
    units, _, cents = text.partition(".")
    return int(units + cents) if len(cents) == 2 else int(Decimal(text) * 100)


def _facts(stored: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Array]:
    """A pair of arrays (three for money) for each fact that one of the rulings knew."""
    arrays: dict[str, Array] = {}
    for name, spec in VOCABULARY.items():
        values = [
            None if fact is None or "unusable" in fact else fact["value"] for fact in (row.get(name) for row in stored)
        ]
        if any(value is not None for value in values):
            arrays |= _fact(spec, values)
    return arrays


def _fact(spec: FactSpec, values: Sequence[Any]) -> dict[str, Array]:
    names = f"fact {spec.name}", f"known {spec.name}", f"currency {spec.name}"
    if spec.kind is Kind.MONEY:
        return _money(*names, values)
    known = Array(np.array([value is not None for value in values], np.bool_))
    if spec.kind is Kind.SET:
        words = tuple(sorted({member for value in values if value is not None for member in value}))
        if len(words) > MOST_MEMBERS:
            raise ValueError(f"{spec.label} has {len(words)} different members; at most {MOST_MEMBERS} fit.")
        masks = [0 if value is None else mask_of(frozenset(value), words) for value in values]
        return {names[0]: Array(np.array(masks, np.int64), words), names[1]: known}
    if spec.kind is Kind.CHOICE:
        coded = _coded(["" if value is None else value for value in values])
        return {names[0]: Array(coded.data.astype(np.int16), coded.words), names[1]: known}
    to_number: Callable[[Any], float] = float if spec.kind is Kind.DECIMAL else int
    numbers = [0 if value is None else to_number(value) for value in values]
    return {names[0]: Array(np.array(numbers, np.float64 if spec.kind is Kind.DECIMAL else np.int32)), names[1]: known}
