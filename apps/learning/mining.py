"""Mining: regions of cases in which the AI seems to be right, to be certified on other evidence.

Pure. It reads the older part of the evidence only; what it finds is a guess, and proves nothing. A region is a few conditions
in the boundary's own vocabulary, on facts that may grant, with a ceiling where money moves.
Each comes as a chain of nested steps, the narrowest first, as `certification.certify` takes it: 31 to 35 days, 31 to 40,
31 to 45.

    mine(examples, target)     → chains of regions, the most promising first
    Region.holds(example)      whether a case lies in it, read as the gate reads a rule: what is unknown does not
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.policies.columns import TRUE, Column, Mask, cents_of, column_of
from apps.policies.conditions import Condition, evaluate, vectorised
from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value
from apps.policies.gate import within
from apps.policies.money import Money
from apps.policies.operators import NUMERIC

MOST_CONDITIONS = 3
MOST_CHAINS = 5
STEPS = 4  # of a chain
FEWEST = 40  # examples in a region
HOPE = 0.5  # of the target: what is only just under it where it was found is seldom so elsewhere
RARE = 0.003  # so rare is a rate over the target when none is wrong of as many as the narrowest step holds
QUANTILES = 20  # limits that are tried of a number
BEAM = 20  # unfinished regions that are kept
NEW_SHARE = 0.3  # of a region's examples that no region before it holds


@dataclass(frozen=True, slots=True)
class Example:
    """One judged case of a type and an action: its facts as they were known, the amount, and whether the AI was wrong."""

    facts: Mapping[str, Value | None]
    amount: Money | None
    wrong: bool


@dataclass(frozen=True, slots=True)
class Region:
    """What a rule would grant. The conditions are in the order of the vocabulary."""

    conditions: tuple[Condition, ...] = ()
    ceiling: Money | None = None

    def holds(self, facts: Mapping[str, Value | None], amount: Money | None) -> bool:
        if self.ceiling is not None and (amount is None or not within(amount, self.ceiling)):
            return False
        return all(evaluate(condition, facts) is True for condition in self.conditions)

    def in_words(self) -> str:
        parts = [condition.in_words() for condition in self.conditions]
        parts += [f"up to {self.ceiling}"] if self.ceiling else []
        return " and ".join(parts) or "every case"


@dataclass(frozen=True, slots=True)
class _Atom:
    """One condition, or a ceiling, with the examples that it holds for. `limit` orders those of one number."""

    add: Callable[[Region], Region]
    about: str
    limit: float | None
    mask: Mask


@dataclass(frozen=True, slots=True)
class _Found:
    region: Region
    atoms: tuple[_Atom, ...]
    mask: Mask
    score: float


def mine(examples: Sequence[Example], target: float) -> list[list[Region]]:
    """Chains of nested regions in which clearly fewer than `target` of the examples are wrong, at most `MOST_CHAINS`."""
    if len(examples) < FEWEST:
        return []
    wrong = np.array([one.wrong for one in examples], np.bool_)
    atoms = [*_atoms_of_facts(examples), *_ceilings(examples)]
    chosen: list[_Found] = []
    held = np.zeros(len(examples), np.bool_)
    for found in _search(atoms, wrong, target * HOPE, needs_ceiling=any(one.amount is not None for one in examples)):
        if (found.mask & ~held).sum() >= NEW_SHARE * found.mask.sum():
            chosen.append(found)
            held |= found.mask
        if len(chosen) == MOST_CHAINS:
            break
    enough = math.ceil(math.log(RARE) / math.log1p(-target))
    return [_chain(found, atoms, enough) for found in chosen]


def _search(atoms: Sequence[_Atom], wrong: Mask, target: float, *, needs_ceiling: bool) -> list[_Found]:
    """A beam search: at most `MOST_CONDITIONS` conditions, and a ceiling where money moves."""

    def scored(mask: Mask) -> float:
        return float(target * mask.sum() - (wrong & mask).sum())

    everything = np.ones(len(wrong), np.bool_)
    beam = [_Found(Region(), (), everything, scored(everything))]
    promising: dict[bytes, _Found] = {}
    for _ in range(MOST_CONDITIONS + needs_ceiling):
        wider = {found.mask.tobytes(): found for found in _longer(beam, atoms, scored)}
        beam = sorted(wider.values(), key=lambda found: -found.score)[:BEAM]
        for found in beam:
            if _promises(found, wrong, target) and (found.region.ceiling is not None or not needs_ceiling):
                promising.setdefault(found.mask.tobytes(), found)
    if not needs_ceiling and _promises(whole := _Found(Region(), (), everything, scored(everything)), wrong, target):
        promising.setdefault(everything.tobytes(), whole)
    return sorted(promising.values(), key=lambda found: (-found.score, len(found.atoms)))


def _longer(beam: Iterable[_Found], atoms: Sequence[_Atom], scored: Callable[[Mask], float]) -> Iterable[_Found]:
    for found in beam:
        yield found
        about = {atom.about for atom in found.atoms}
        if len(found.region.conditions) >= MOST_CONDITIONS:
            about |= {atom.about for atom in atoms if atom.about != "amount"}
        for atom in atoms:
            mask = found.mask & atom.mask
            if atom.about not in about and mask.sum() >= FEWEST:
                yield _Found(atom.add(found.region), (*found.atoms, atom), mask, scored(mask))


def _promises(found: _Found, wrong: Mask, target: float) -> bool:
    """Fewer wrong than the target, half an error more than was seen counted in."""
    count = int(found.mask.sum())
    return count >= FEWEST and bool(((wrong & found.mask).sum() + 0.5) / (count + 1) < target)


def _chain(found: _Found, atoms: Sequence[_Atom], enough: int) -> list[Region]:
    """The region and narrower ones before it, by the limit of its last number, each with `enough` examples: a chain ends at the
    first step that cannot be certified."""
    stepped = next((atom for atom in reversed(found.atoms) if atom.limit is not None), None)
    if stepped is None:
        return [found.region]
    others = [atom for atom in found.atoms if atom is not stepped]
    rest = np.logical_and.reduce([atom.mask for atom in others]) if others else np.ones_like(found.mask)
    narrower = [
        atom for atom in atoms
        if atom.about == stepped.about and not (atom.mask & ~stepped.mask).any() and atom.mask.sum() < stepped.mask.sum()
        and (rest & atom.mask).sum() >= enough
    ]  # fmt: skip
    narrower.sort(key=lambda atom: int(atom.mask.sum()))
    kept = [narrower[place] for place in _spread(len(narrower), STEPS - 1)]
    return [_built([*others, atom]) for atom in (*kept, stepped)]


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, wanted))}) if count else []


def _built(atoms: Iterable[_Atom]) -> Region:
    region = Region()
    for atom in atoms:
        region = atom.add(region)
    return region


def _adding(condition: Condition) -> Callable[[Region], Region]:
    order = list(VOCABULARY)

    def add(region: Region) -> Region:
        conditions = sorted((*region.conditions, condition), key=lambda one: order.index(one.fact))
        return replace(region, conditions=tuple(conditions))

    return add


def _atoms_of_facts(examples: Sequence[Example]) -> Iterable[_Atom]:
    for name, spec in VOCABULARY.items():
        values = [one.facts.get(name) for one in examples]
        if (
            not spec.grants
            or spec.kind in (Kind.SET, Kind.MONEY)
            or sum(value is not None for value in values) < FEWEST
        ):
            continue
        column = column_of(spec, values)
        for condition, limit in _conditions(spec, column, values):
            mask = vectorised(condition, column) == TRUE
            if FEWEST <= mask.sum() < len(examples):
                side = condition.operator if limit is not None else ""
                yield _Atom(_adding(condition), f"{name} {side}".strip(), limit, mask)


def _conditions(
    spec: FactSpec, column: Column, values: Sequence[Value | None]
) -> Iterable[tuple[Condition, float | None]]:
    if spec.kind in NUMERIC:
        for limit in _limits(column.values[column.known]):
            number: Value = Decimal(str(limit)) if spec.kind is Kind.DECIMAL else int(limit)
            yield Condition(spec.name, "≤", number), limit
            yield Condition(spec.name, "≥", number), limit
        return
    for word in sorted({str(value) for value in values if value is not None}):
        wanted: Value = word == "True" if spec.kind is Kind.BOOL else word
        yield Condition(spec.name, "is", wanted), None
        if spec.kind is Kind.CHOICE:
            yield Condition(spec.name, "is not", wanted), None


def _ceilings(examples: Sequence[Example]) -> Iterable[_Atom]:
    """Round amounts in the commonest currency."""
    amounts = [one.amount for one in examples if one.amount is not None]
    if not amounts:
        return
    currencies = [amount.currency for amount in amounts]
    currency = max(set(currencies), key=currencies.count)
    cents = np.array(
        [cents_of(one.amount.amount) if one.amount and one.amount.currency == currency else -1 for one in examples]
    )
    for limit in sorted({_round(Decimal(int(found)) / 100) for found in _limits(cents[cents >= 0])}):
        mask = (cents >= 0) & (cents <= cents_of(limit))
        ceiling = Money(limit, currency)
        if mask.sum() >= FEWEST:
            yield _Atom(lambda region, ceiling=ceiling: replace(region, ceiling=ceiling), "amount", float(limit), mask)  # type: ignore[misc]


def _limits(values: NDArray[Any]) -> list[float]:
    if not len(values):
        return []
    return sorted({float(found) for found in np.quantile(values, np.linspace(0, 1, QUANTILES + 1), method="higher")})


def _round(amount: Decimal) -> Decimal:
    """Up, to two digits that count: 84.50 reads 85."""
    if amount <= 0:
        return Decimal(0)
    step = Decimal(1).scaleb(amount.adjusted() - 1)
    return (amount / step).to_integral_value(ROUND_CEILING) * step
