"""What bounds the use of an outside model: what a brand spends in a day, and how many calls run at one moment."""

from collections.abc import Collection
from datetime import datetime
from decimal import ROUND_UP, Decimal

from django.db import connection
from django.db.models import F

from apps.interactions.budgets import local_day
from apps.interactions.models import ModelSpend, OutsideModel
from apps.interactions.models.outside_model import MOST_SLOTS
from apps.policies.models import Partner

_MILLION = Decimal(1_000_000)
_CENT_FRACTION = Decimal("0.000001")
# The first half of an advisory lock's key: these locks are of outside models and of nothing else.
_LOCKS = 0x52454D49


def cost_of(model: OutsideModel, tokens_in: int, tokens_out: int) -> Decimal:
    """US dollars, rounded up to the sixth decimal."""
    cost = (model.price_in * tokens_in + model.price_out * tokens_out) / _MILLION
    return cost.quantize(_CENT_FRACTION, rounding=ROUND_UP)


def most_cost(model: OutsideModel, prompt_text: str, tokens_out: int) -> Decimal:
    """The most that one attempt can cost: a token is never less than a byte, and some frame each message."""
    return cost_of(model, len(prompt_text.encode()) + 200, tokens_out)


def reserve(partner: Partner, model: OutsideModel, most: Decimal, now: datetime) -> int | None:
    """Set aside what a call may cost, by one conditional UPDATE; None when the day's cap does not hold it.

    Returns the row to settle with. What a process that died had set aside stays spent until the day is over.
    """
    day = local_day(partner, now)
    row, _ = ModelSpend.objects.get_or_create(partner=partner, model=model, day=day, defaults={"cap": model.daily_cap})
    took = ModelSpend.objects.filter(pk=row.pk, spent__lte=model.daily_cap - most).update(
        spent=F("spent") + most, cap=model.daily_cap, calls=F("calls") + 1
    )
    return row.pk if took else None


def settle(spend_id: int, reserved: Decimal, cost: Decimal) -> None:
    """Turn what was set aside into what it cost."""
    ModelSpend.objects.filter(pk=spend_id).update(spent=F("spent") - reserved + cost)


def take_slot(model: OutsideModel, held: Collection[int]) -> int | None:
    """A free slot of the model, held by this database session until it is given back or the session ends.

    An advisory lock of the session, so that PostgreSQL frees the slots of a process that dies. A session may take its
    own lock again, so `held` names the slots that it has already. None when all are taken.
    """
    free = [slot for slot in range(min(model.at_once, MOST_SLOTS)) if slot not in held]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slot FROM unnest(%s::int[]) AS slot WHERE pg_try_advisory_lock(%s, %s + slot) LIMIT 1",
            [free, _LOCKS, _first_key(model)],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def give_back_slot(model: OutsideModel, slot: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, _first_key(model) + slot])


def _first_key(model: OutsideModel) -> int:
    return (model.pk * MOST_SLOTS) % 2**31
