from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the other side said: `done` with its reference, `refused` with a reason, or only `accepted`."""

    verdict: str
    reference: str = ""
    reason: str = ""


ACCEPTED = Outcome("accepted")
