"""A batch: many rulings side by side, as the column store keeps them and a replay reads them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.policies.columns import Column, nothing_known
from apps.policies.facts import VOCABULARY, Kind
from apps.policies.vector_gate import Proposals


@dataclass(frozen=True, slots=True)
class Array:
    """One number a ruling; where it is a code, `words` says what it stands for."""

    data: NDArray[Any]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rulings in columns. `arrays` holds what each was (see `stored_rulings.py`), by name, all of one length."""

    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.arrays["id"].data)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name].data

    def words(self, name: str) -> tuple[str, ...]:
        return self.arrays[name].words

    def fact(self, name: str) -> Column:
        kind = VOCABULARY[name].kind
        stored = self.arrays.get(f"fact {name}")
        if stored is None:
            return nothing_known(kind, len(self))
        currencies = self.arrays[f"currency {name}"].data if kind is Kind.MONEY else None
        known = self.arrays[f"known {name}"].data.astype(np.bool_)
        return Column(kind, known, stored.data, stored.words, currencies)

    @property
    def proposals(self) -> Proposals:
        amount = self.arrays["amount"]
        known = self["amount known"].astype(np.bool_)
        amounts = Column(Kind.MONEY, known, amount.data, amount.words, self["amount currency"])
        return Proposals(self["action"], amounts, self["discloses"].astype(np.bool_))

    def take(self, rows: NDArray[Any]) -> "Batch":
        return Batch({name: Array(array.data[rows], array.words) for name, array in self.arrays.items()})
