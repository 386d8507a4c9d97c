"""Budgets and velocity over past cases: in time order, each case that acts alone spends from every limit it is under.

The same order and the same "at the limit a person decides" as the ledger keeps for live cases: what does not fit is
not taken, and what is smaller and comes later may still fit.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.policies.columns import cents_of
from apps.policies.specs import LimitSpec
from apps.policies.vector_gate import ACTIONS
from apps.policies.words import CaseType

COUNTED = ("budget", "velocity")
_DAY = 86_400
_TYPES = tuple(CaseType.values)


def hold(
    limits: Sequence[LimitSpec],
    alone: NDArray[np.bool_],
    arrays: Mapping[str, NDArray[Any]],
    texts: Mapping[str, Sequence[str]],
    zones: Mapping[int, ZoneInfo],
) -> None:
    """Take autonomy from the cases (in place, in `alone`) that a limit would have stopped."""
    quiet = [limit for limit in limits if limit.kind == "quiet"]
    for limit in quiet:
        rows = np.nonzero(alone & _looked_at(limit, arrays))[0]
        minutes = _local_seconds(arrays, rows, zones) % _DAY // 60
        alone[rows[_inside(limit, minutes)]] = False
    counted = [limit for limit in limits if limit.kind in COUNTED]
    looked_at = [_looked_at(limit, arrays) for limit in counted]
    if not counted:
        return
    under_one = np.nonzero(alone & np.logical_or.reduce(looked_at))[0]
    in_time = under_one[np.argsort(arrays["at"][under_one], kind="stable")]
    days = dict(zip(in_time.tolist(), (_local_seconds(arrays, in_time, zones) // _DAY).tolist(), strict=True))
    accounts = [_Account(limit) for limit in counted]
    at, partners, amounts = arrays["at"], arrays["partner"], arrays["amount"]
    for row in in_time.tolist():
        asked = [account for account, looks in zip(accounts, looked_at, strict=True) if looks[row]]
        amount, currency = int(amounts[row]), texts["currency"][row]
        keys = [
            (int(partners[row]), "" if account.limit.per == "brand" else texts[account.limit.per][row])
            for account in asked
        ]
        when = (float(at[row]), days[row])
        if all(account.has(key, when, amount, currency) for account, key in zip(asked, keys, strict=True)):
            for account, key in zip(asked, keys, strict=True):
                account.spend(key, when, amount)
        else:
            alone[row] = False


def _looked_at(limit: LimitSpec, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    types = [place for place, name in enumerate(_TYPES) if not limit.case_types or name in limit.case_types]
    actions = [place for place, name in enumerate(ACTIONS) if limit.looks_at(next(iter(limit.case_types), ""), name)]
    return np.isin(arrays["case type"], types) & np.isin(arrays["action"], actions)


def _local_seconds(
    arrays: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], zones: Mapping[int, ZoneInfo]
) -> NDArray[np.int64]:
    """Seconds since 1970 on the partner's own clock."""
    at, partners = arrays["at"][rows], arrays["partner"][rows]
    local = at.astype(np.int64)
    names = {partner: zones.get(partner, ZoneInfo("UTC")).key for partner in np.unique(partners).tolist()}
    for name in set(names.values()):
        if name == "UTC":
            continue
        of_zone = np.isin(partners, [partner for partner, zone in names.items() if zone == name])
        hours, places = np.unique(local[of_zone] // 3600, return_inverse=True)
        zone = ZoneInfo(name)
        offsets = [datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(zone).utcoffset() for hour in hours]
        seconds = np.array([int(offset.total_seconds()) if offset else 0 for offset in offsets], np.int64)
        local[of_zone] += seconds[places]
    return local


def _inside(limit: LimitSpec, minutes: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.array([is_quiet(limit, int(minute)) for minute in minutes], np.bool_)


def is_quiet(limit: LimitSpec, minute: int) -> bool:
    """Whether a minute of the local day lies in the quiet hours."""
    return minute in limit.quiet_minutes()


class _Account:
    """What was spent of one limit, by its key: within a local day, or in a window of days that moves along."""

    def __init__(self, limit: LimitSpec) -> None:
        self.limit = limit
        self._most_cents = cents_of(limit.amount.amount) if limit.amount else None
        self._spent: defaultdict[tuple[int, str], deque[tuple[float, int]]] = defaultdict(deque)
        self._sums: defaultdict[tuple[int, str], int] = defaultdict(int)

    def has(self, key: tuple[int, str], when: tuple[float, int], cents: int, currency: str) -> bool:
        """Whether it still fits. Who is unknown, and money of another currency, never fits; a case without money
        spends none."""
        if self.limit.per != "brand" and not key[1]:
            return False
        if self.limit.amount is not None and currency and currency != self.limit.amount.currency:
            return False
        self._forget(key, when)
        if self.limit.count is not None and len(self._spent[key]) + 1 > self.limit.count:
            return False
        return self._most_cents is None or self._sums[key] + cents <= self._most_cents

    def spend(self, key: tuple[int, str], when: tuple[float, int], cents: int) -> None:
        self._spent[key].append((self._mark(when), cents))
        self._sums[key] += cents

    def _mark(self, when: tuple[float, int]) -> float:
        return when[1] if self.limit.days == 1 else when[0]

    def _forget(self, key: tuple[int, str], when: tuple[float, int]) -> None:
        spent = self._spent[key]
        over = when[1] - 1 if self.limit.days == 1 else when[0] - self.limit.days * _DAY
        while spent and spent[0][0] <= over:
            self._sums[key] -= spent.popleft()[1]
