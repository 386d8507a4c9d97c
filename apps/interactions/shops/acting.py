"""Carrying out effects in shops: each is called at most once, one at a time for an order, and asked about until it is known.

    in flight  ─called_at is committed─▶  called  ─answer─▶  done or refused
                                            │ no answer
                                            ▼
                                         unknown ─asked again after 5 s, 30 s, 2 and 10 minutes─▶ done, refused, or a person's

A process that dies before `called_at` is committed has called nothing: the next one calls. One that dies afterwards may have:
it is never called again, only looked up.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pgbulk
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.interactions import settling, shops, vault
from apps.interactions.connections import NOBODY, Busy, Desk, Task, fairly
from apps.interactions.connectors.outcome import Outcome
from apps.interactions.models import DecisionRecord, Effect
from apps.interactions.shops import adapter
from apps.interactions.shops.adapter import Adapter, Wanted
from apps.policies import audit
from apps.policies.machines import move
from apps.policies.models import Partner
from apps.policies.words import Action

ANSWER_WITHIN = timedelta(minutes=5)  # longer than all the calls of one effect may take
STILL_RUNNING = timedelta(minutes=15)  # a call whose answer got lost may go on in the shop for so long
AT_ONCE = 4  # of one shop, so that a slow one holds up no other
ASKED_AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
_E = Effect.State
_SHOPS = audit.system("shops")


def take(limit: int, busy: Busy = NOBODY) -> list[Task]:
    """Effects to call now."""
    return [_task(effect, adapter.perform) for effect in _to_call(limit)]


def ask(limit: int, busy: Busy = NOBODY) -> list[Task]:
    """Effects to ask about."""
    return [_task(effect, adapter.look_up) for effect in _to_ask(limit, busy)]


def _task(effect: Effect, work: Callable[[Adapter, Wanted], Outcome | None]) -> Task:
    order = effect.decision.interaction.order
    assert order is not None
    pays_back = effect.decision.amount if effect.action == Action.CANCEL_ORDER else None
    wanted = Wanted(str(effect.key), Action(effect.action), order.number, effect.amount, effect.currency, pays_back)
    connection = effect.partner.shop

    def in_the_shop() -> Outcome | None:
        return work(shops.adapter_of(connection), wanted)

    return Task(in_the_shop, partial(finish, effect.pk), effect.partner_id)


def finish(effect_id: int, outcome: Outcome | Exception | None) -> None:
    """Keep what came of a call or of a look-up. Without an outcome it is asked about, and in the end it is a person's; so it
    is where the work itself failed, since nobody knows how far it came."""
    if isinstance(outcome, vault.Unreadable):
        outcome = Outcome("refused", reason=f"The shop was not called: {outcome}")
    if isinstance(outcome, Outcome):
        settling.settle(effect_id, outcome, actor=_SHOPS)
        return
    with transaction.atomic():
        effect = Effect.objects.select_for_update(no_key=True).filter(pk=effect_id).first()
        if effect is None or effect.state not in (_E.IN_FLIGHT, _E.UNKNOWN):
            return
        if effect.state == _E.IN_FLIGHT:
            move(effect, "lose_track", actor=_SHOPS, reason="the shop gave no clear answer")
        _ask_later_or_give_up(effect)


def _ask_later_or_give_up(effect: Effect) -> None:
    if effect.look_ups >= len(ASKED_AGAIN):
        settling.after_effects([effect.decision_id], _SHOPS)
        return
    effect.deadline_at = timezone.now() + ASKED_AGAIN[effect.look_ups]
    effect.look_ups += 1
    effect.save(update_fields=["deadline_at", "look_ups"])


def _of_shops(rows: QuerySet[Effect]) -> QuerySet[Effect]:
    """Those that a connector carries out itself. What it cannot do the partner's own systems are asked for."""
    does = Q()
    for kind, actions in shops.DOES.items():
        does |= Q(partner__shop__kind=kind, action__in=actions)
    return rows.filter(does, partner__connector=Partner.Connector.SHOP)


def _to_call(limit: int) -> list[Effect]:
    """Never two of one order: shops do not check refunds against each other. The order's row is locked meanwhile, so that
    two processes do not take one each."""
    now = timezone.now()
    waiting = Effect.objects.filter(state=_E.IN_FLIGHT, called_at__isnull=True)
    free = _of_shops(waiting).filter(~Exists(_under_way(now)), decision__interaction__order__isnull=False)
    with transaction.atomic():
        busy = Counter(_called(now).values_list("partner", flat=True))
        rows = list(
            free.filter(pk__in=fairly(free, busy, AT_ONCE, ("sent_at", "pk"), limit))
            .select_for_update(no_key=True, skip_locked=True, of=("self", "decision__interaction__order"))
            .select_related("partner__shop", "decision__interaction__order").order_by("sent_at", "pk")
        )  # fmt: skip
        first = {row.decision.interaction.order_id: row for row in reversed(rows)}
        # Asked once more, now that the orders are locked: another process may have called meanwhile.
        theirs = {
            effect.decision.interaction.order_id
            for effect in _called(now)
            .filter(decision__interaction__order__in=list(first))
            .select_related("decision__interaction")
        }
        taken = []
        for order_id, row in sorted(first.items(), key=lambda pair: pair[1].pk):
            if order_id not in theirs and busy[row.partner_id] < AT_ONCE:
                busy[row.partner_id] += 1
                row.called_at, row.deadline_at = now, now + ANSWER_WITHIN
                taken.append(row)
        pgbulk.update(Effect, taken, ["called_at", "deadline_at"])
    return taken


def _called(now: datetime) -> QuerySet[Effect]:
    """Effects whose call may still be going on in a shop."""
    lately = Q(state=_E.UNKNOWN, called_at__gte=now - STILL_RUNNING)
    return Effect.objects.filter(Q(state=_E.IN_FLIGHT) | lately, called_at__isnull=False)


def _under_way(now: datetime) -> QuerySet[Effect]:
    return _called(now).filter(decision__interaction__order=OuterRef("decision__interaction__order"))


def _to_ask(limit: int, busy: Busy) -> list[Effect]:
    """Those without an answer in time, and those that are unknown and due to be asked about."""
    now = timezone.now()
    late = Q(state=_E.IN_FLIGHT, called_at__isnull=False)
    unknown = Q(state=_E.UNKNOWN, decision__state=DecisionRecord.State.EXECUTING)
    due = _of_shops(Effect.objects.filter(late | unknown, deadline_at__lte=now))
    with transaction.atomic():
        found = (
            due.filter(pk__in=fairly(due, busy, AT_ONCE, ("deadline_at", "pk"), limit))
            .select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("partner__shop", "decision__interaction__order").order_by("deadline_at")
        )  # fmt: skip
        rows, asked = [], Counter(busy)
        for row in found:
            if asked[row.partner_id] < AT_ONCE:
                asked[row.partner_id] += 1
                rows.append(row)
        move([row for row in rows if row.state == _E.IN_FLIGHT], "lose_track", actor=_SHOPS, reason="no answer in time")
        Effect.objects.filter(pk__in=[row.pk for row in rows]).update(deadline_at=now + ANSWER_WITHIN)
    return rows


DESK = Desk("shops", take, threads=16)
ASKING = Desk("look-ups", ask, threads=16)
