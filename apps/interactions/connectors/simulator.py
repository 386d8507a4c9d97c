"""The built-in shop simulator of demo brands: does what it is asked, once per key, and remembers it."""

from apps.interactions.connectors.outcome import Outcome
from apps.interactions.models import Effect, SimulatedAction


def perform(effect: Effect) -> Outcome:
    action, _ = SimulatedAction.objects.get_or_create(
        key=effect.key,
        defaults={
            "action": effect.action,
            "amount": effect.amount,
            "reference": f"SIM-{effect.action[:3].upper()}-{effect.pk}",
        },
    )
    return Outcome("done", reference=action.reference)


def look_up(effect: Effect) -> Outcome | None:
    """What became of a key. The simulator knows all keys it has seen, so a key it has not seen never happened."""
    action = SimulatedAction.objects.filter(key=effect.key).first()
    if action is None:
        return Outcome("refused", reason="The shop never received it.")
    return Outcome("done", reference=action.reference)
