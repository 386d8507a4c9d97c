"""A connected shop: a process of its own calls it (`shops/acting.py`), never a worker, which a slow shop would hold up."""

from apps.interactions.connectors.outcome import ACCEPTED, Outcome
from apps.interactions.models import Effect


def perform(effect: Effect) -> Outcome:
    return ACCEPTED


def look_up(effect: Effect) -> Outcome | None:
    return None
