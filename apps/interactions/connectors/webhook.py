"""The default connector: `action.requested` is in the outbox already, written with the effect's key.

The partner's answer comes to `POST /actions/{key}/result/`. There is no look-up, so an effect that is not
answered by its deadline is settled by a person.
"""

from apps.interactions.connectors.outcome import ACCEPTED, Outcome
from apps.interactions.models import Effect


def perform(effect: Effect) -> Outcome:
    return ACCEPTED


def look_up(effect: Effect) -> Outcome | None:
    return None
