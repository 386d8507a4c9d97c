"""Columns: one fact of many cases side by side, so that a condition is tested on a million of them at once.

Numbers are int64 (money in cents) or float64 (decimals: exact up to 15 digits), choices are codes into `words`,
sets are bit masks over `words`. What is unknown is marked in `known`; its value is then without meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.policies.facts import FactSpec, Kind, Value
from apps.policies.money import CENT, Money

Mask = NDArray[np.bool_]
Outcomes = NDArray[np.int8]
TRUE, FALSE, UNKNOWN = 1, 0, -1
MOST_MEMBERS = 63  # of a set: one bit each


@dataclass(frozen=True, slots=True)
class Column:
    """One fact of n cases: three arrays of length n (`currencies` for money only, codes into `words`)."""

    kind: Kind
    known: Mask
    values: NDArray[Any]
    words: tuple[str, ...] = ()
    currencies: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.known)

    def code_of(self, word: str) -> int:
        """The code of a word; one that no case has is -1."""
        return self.words.index(word) if word in self.words else -1

    def take(self, rows: NDArray[Any]) -> "Column":
        currencies = None if self.currencies is None else self.currencies[rows]
        return Column(self.kind, self.known[rows], self.values[rows], self.words, currencies)


def nothing_known(kind: Kind, count: int) -> Column:
    """A fact that none of the cases has."""
    currencies = np.zeros(count, np.int16) if kind is Kind.MONEY else None
    return Column(kind, np.zeros(count, np.bool_), np.zeros(count, np.int64), (), currencies)


def column_of(spec: FactSpec, values: Sequence[Value | None]) -> Column:
    """The values of one fact as a column. Raises ValueError when a set has more than 63 different members."""
    known = np.array([value is not None for value in values], np.bool_)
    match spec.kind:
        case Kind.MONEY:
            words = sorted({value.currency for value in values if isinstance(value, Money)})
            cents = [cents_of(value.amount) if isinstance(value, Money) else 0 for value in values]
            codes = [words.index(value.currency) if isinstance(value, Money) else -1 for value in values]
            return Column(spec.kind, known, np.array(cents, np.int64), tuple(words), np.array(codes, np.int16))
        case Kind.CHOICE:
            words = sorted({value for value in values if isinstance(value, str)})
            place = {word: code for code, word in enumerate(words)}
            return Column(spec.kind, known, np.array([place.get(v, -1) for v in values], np.int16), tuple(words))  # type: ignore[arg-type]
        case Kind.SET:
            words = sorted({word for value in values if isinstance(value, frozenset) for word in value})
            if len(words) > MOST_MEMBERS:
                raise ValueError(f"{spec.label} has {len(words)} different members; at most {MOST_MEMBERS} fit.")
            masks = [mask_of(value, tuple(words)) if isinstance(value, frozenset) else 0 for value in values]
            return Column(spec.kind, known, np.array(masks, np.int64), tuple(words))
        case Kind.DECIMAL:
            return Column(spec.kind, known, np.array([0.0 if v is None else float(v) for v in values], np.float64))  # type: ignore[arg-type]
    return Column(spec.kind, known, np.array([0 if v is None else int(v) for v in values], np.int64))  # type: ignore[arg-type]


def cents_of(amount: Decimal) -> int:
    return int(amount / CENT)


def mask_of(members: frozenset[str], words: tuple[str, ...]) -> int:
    """The members as bits; those that no case has are left out."""
    return sum(1 << words.index(member) for member in members if member in words)


def three_valued(column: Column, true: Mask, known: Mask | None = None) -> Outcomes:
    """Outcomes where `true` holds, and unknown where the fact (or what `known` says beside it) is not known."""
    outcomes = true.astype(np.int8)
    outcomes[~(column.known if known is None else column.known & known)] = UNKNOWN
    return outcomes
