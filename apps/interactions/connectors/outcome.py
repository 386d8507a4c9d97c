from dataclasses import dataclass, replace

from apps.interactions.models.effect import LONGEST_REFERENCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the other side said: `done` with its reference, `refused` with a reason, or only `accepted`."""

    verdict: str
    reference: str = ""
    reason: str = ""

    def storable(self) -> "Outcome":
        """As far as columns can hold it: what a shop says is never a reason to lose what it did."""
        reference, reason = self.reference.replace("\x00", ""), self.reason.replace("\x00", "")
        return replace(self, reference=reference[:LONGEST_REFERENCE], reason=reason)


ACCEPTED = Outcome("accepted")
