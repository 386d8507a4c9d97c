"""Mining: regions of cases in which the AI seems to be right, to be certified on other evidence.

Pure. It reads the older part of the evidence only; what it finds is a guess, and proves nothing. A region is a few conditions
in the boundary's own vocabulary, on facts that may grant, with a ceiling where money moves.
Each comes as a chain of nested steps, the narrowest first, as `certification.certify` takes it: 31 to 35 days, 31 to 40,
31 to 45.

    separating(of, others)     → a condition that tells the cases of two actions apart
    mine(examples, target)     → chains of regions, the most promising first
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.learning.region import Example, Region
from apps.policies.columns import TRUE, Column, Mask, cents_of, column_of
from apps.policies.conditions import Condition, vectorised
from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value
from apps.policies.money import Money
from apps.policies.operators import NUMERIC

MOST_CONDITIONS = 3
MOST_CHAINS = 5
STEPS = 4  # of a chain
FEWEST = 40  # examples in a region
HOPE = 0.8  # of the target: what is only just under it where it was found is seldom so elsewhere
PRICE = 3  # errors that a condition has to save: among hundreds of them, some save one or two by chance
RARE = 0.003  # so rare is a rate over the target when none is wrong of as many as the narrowest step holds
QUANTILES = 20  # limits that are tried of a number
BEAM = 20  # unfinished regions that are kept
APART = 0.99  # of the cases of two actions that a condition has to tell apart
NEW_SHARE = 0.3  # of a region's examples that no region before it holds


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


def separating(of: Sequence[Example], others: Sequence[Example]) -> Condition | None:
    """A condition that holds for `of` and not for `others`, the first of the vocabulary. Two actions of one type need it: a
    rule that grants one forbids the other wherever it matches."""
    both = [*of, *others]
    theirs = np.arange(len(both)) >= len(of)
    for atom in _atoms_of_facts(both):
        if atom.mask[~theirs].mean() >= APART and atom.mask[theirs].mean() <= 1 - APART:
            return atom.add(Region()).conditions[0]
    return None


def conditions_tried(examples: Sequence[Example], *, granting: bool = True) -> list[tuple[Condition, Mask]]:
    """Every single condition that is tried, with the examples that it holds for; `granting`: on facts that may grant."""
    return [(atom.add(Region()).conditions[0], atom.mask) for atom in _atoms_of_facts(examples, granting=granting)]


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
    """A beam search: at most `MOST_CONDITIONS` conditions, and a ceiling where money moves. Kept are those that promise
    most as they are, and those that most may still become of."""
    whole = _Found(Region(), (), np.ones(len(wrong), np.bool_), target * len(wrong) - float(wrong.sum()))
    masks = np.array([atom.mask for atom in atoms], np.float32).reshape(len(atoms), len(wrong))
    beam = [whole]
    promising: dict[bytes, _Found] = {}
    for _ in range(MOST_CONDITIONS + needs_ceiling if atoms else 0):
        best, hopeful = _longer(beam, atoms, masks, wrong, target)
        for one in best:
            if _promises(one, wrong, target) and (one.region.ceiling is not None or not needs_ceiling):
                promising.setdefault(one.mask.tobytes(), one)
        beam = [*best, *hopeful]
        if not beam:
            break
    if not needs_ceiling and _promises(whole, wrong, target):
        promising.setdefault(whole.mask.tobytes(), whole)
    return sorted(promising.values(), key=lambda one: (-one.score, len(one.atoms)))


def _longer(
    beam: Sequence[_Found], atoms: Sequence[_Atom], masks: NDArray[np.float32], wrong: Mask, target: float
) -> tuple[list[_Found], list[_Found]]:
    """Each region of the beam with one atom more: the `BEAM` with the highest score, and those with the highest gain.

    The score is how many errors fewer than the target it has, less what its conditions cost. The gain is that in purity,
    times what is right in it (Quinlan's FOIL, 1990): how far a region has come that is not pure yet.
    """
    inside = np.array([one.mask for one in beam], np.float32)
    count, errors = inside @ masks.T, (inside * wrong) @ masks.T
    conditions = np.array([[len(one.region.conditions)] for one in beam]) + np.array(
        [atom.about != "amount" for atom in atoms]
    )
    score = target * count - errors - PRICE * conditions
    purity = np.log((count - errors + 1) / (count + 1)) - math.log(
        (float(len(wrong) - wrong.sum()) + 1) / (len(wrong) + 1)
    )
    taken = np.array([[atom.about in {one.about for one in found.atoms} for atom in atoms] for found in beam])
    impossible = taken | (count < FEWEST) | (conditions > MOST_CONDITIONS)
    merits = [np.where(impossible, -np.inf, merit) for merit in (score, (count - errors) * purity)]
    best, hopeful = (_highest(merit, score, beam, atoms) for merit in merits)
    return best, hopeful


def _highest(
    merit: NDArray[np.float64], score: NDArray[np.float64], beam: Sequence[_Found], atoms: Sequence[_Atom]
) -> list[_Found]:
    """Those of the highest merit; of those that hold for the same cases the first."""
    found: dict[bytes, _Found] = {}
    for place in np.argsort(-merit, axis=None, kind="stable")[: 10 * BEAM]:
        row, column = divmod(int(place), len(atoms))
        if len(found) == BEAM or merit[row, column] == -np.inf:
            break
        one, atom = beam[row], atoms[column]
        mask = one.mask & atom.mask
        if (name := mask.tobytes()) not in found:
            found[name] = _Found(atom.add(one.region), (*one.atoms, atom), mask, float(score[row, column]))
    return list(found.values())


def _promises(one: _Found, wrong: Mask, target: float) -> bool:
    """Fewer wrong than the target, half an error more than was seen counted in."""
    count = int(one.mask.sum())
    return count >= FEWEST and bool(((wrong & one.mask).sum() + 0.5) / (count + 1) < target)


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
    return lambda region: region.also([condition])


def _atoms_of_facts(examples: Sequence[Example], *, granting: bool = True) -> Iterable[_Atom]:
    """Conditions on facts that may grant, or on any. Of money only where none moves: the ceiling limits it otherwise."""
    left_out = {Kind.SET} | ({Kind.MONEY} if any(one.amount is not None for one in examples) else set())
    for name, spec in VOCABULARY.items():
        if (granting and not spec.grants) or spec.kind in left_out:
            continue
        values = [one.facts.get(name) for one in examples]
        if len(values) - values.count(None) < FEWEST:
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
    if spec.kind is Kind.MONEY:
        currency = Counter(value.currency for value in values if isinstance(value, Money)).most_common(1)[0][0]
        for cents in _limits(column.values[column.known]):
            amount = Money(_round(Decimal(int(cents)) / 100), currency)
            yield Condition(spec.name, "≤", amount), float(amount.amount)
            yield Condition(spec.name, "≥", amount), float(amount.amount)
        return
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
