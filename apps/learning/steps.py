"""The ramp of a new grant: when it goes on to more of its cases, and how many of them are audited.

Pure. A step lasts a week at least, and ends only when enough audits of it are done, none is late, and they do not speak
against the AI. They count as judgements do in a certificate: a customer once, nobody's for more than half, no day's for more
than a quarter, so that no flood moves a ramp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from apps.learning.betting import Audit, estimate
from apps.learning.certification import Judged, counting
from apps.policies.lots import SHARES

WEEKLY_MINIMUM = 25  # audits of a grant
DRAWN = 32  # a week on average, so that in nine of ten weeks it is the minimum at least
SOON_ENOUGH = timedelta(
    days=2
)  # an audit that waits for longer is late: it holds the ramp long before its time runs out


@dataclass(frozen=True, slots=True)
class Step:
    """How a grant stands in its step: since when, its audits since then, each on the day of its decision, and how many of any
    step are late."""

    share: int
    days: int
    audits: Sequence[Judged]
    late: int = 0


def held_by(step: Step, target: float) -> str:
    """Why the step is not over, in words; empty: it is."""
    if step.days < 7:
        return f"a step lasts a week at least, and this one has lasted {step.days} days"
    if step.late:
        return f"audits are late: {step.late} wait for more than {SOON_ENOUGH.days} days, or were never done"
    counted = counting(step.audits)
    if len(counted) < WEEKLY_MINIMUM:
        said = f"{len(step.audits)} audits are done" + (
            f", {len(counted)} count" if len(counted) < len(step.audits) else ""
        )
        why = "of a customer one counts, at most half are one person's, and a quarter one day's"
        return f"{said}, and {WEEKLY_MINIMUM} are needed: {why}"
    rate, error = estimate([Audit(cluster.wrong, cluster.judged[0].probability) for cluster in counted])
    if rate - error > target:
        return f"the audits say that it is wrong in {rate:.1%} of cases, and {target:.1%} is the target"
    return ""


def next_share(step: Step, target: float) -> int:
    """The share from now on; the last step never ends."""
    wider = [share for share in SHARES if share > step.share]
    return wider[0] if wider and not held_by(step, target) else step.share


def audit_probability(expected: float, base: float) -> float:
    """With which probability each of the week's decisions under a grant is audited: `base`, or more where so many would
    not reach the weekly minimum."""
    return max(base, min(1.0, DRAWN / expected)) if expected > 0 else 1.0
