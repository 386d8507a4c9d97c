"""Connectors: how an action reaches the partner's shop.

A connector is a module with two functions. `perform(effect)` is called outside any transaction, after the
effect's key is committed, and may be called again with the same key. `look_up(effect)` answers what became of
a key, or None when it cannot tell.
"""

from typing import Protocol

from apps.interactions.connectors import shop, simulator, webhook
from apps.interactions.connectors.outcome import Outcome
from apps.interactions.models import Effect
from apps.policies.models import Partner

__all__ = ["Connector", "Outcome", "connector_of"]


class Connector(Protocol):
    def perform(self, effect: Effect, /) -> Outcome: ...

    def look_up(self, effect: Effect, /) -> Outcome | None: ...


_CONNECTORS: dict[str, Connector] = {
    Partner.Connector.SIMULATOR: simulator,
    Partner.Connector.WEBHOOK: webhook,
    Partner.Connector.SHOP: shop,
}


def connector_of(partner: Partner) -> Connector:
    return _CONNECTORS[partner.connector]
