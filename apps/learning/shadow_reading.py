"""A classifier in shadow: which cases of each grant it would have had handled otherwise, before it reads any itself.

Nothing is changed here: retraining.py and ramping.py stop what it flips.

    of_grant(ramp, reader, now)     → Shadow
    of_grants(reader, now)          → of each that is released and not stopped
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.interactions import reclassifying
from apps.interactions.models import Interaction
from apps.interactions.reading_models import Reader
from apps.learning.certification import lower_bound
from apps.policies import ramps
from apps.policies.models import Ramp

log = logging.getLogger(__name__)

RECENT = timedelta(weeks=4)
MOST_READ_AGAIN = 500  # cases of a grant
MOST_FLIPPED = 0.05  # of them: more, and the grant is people's until it is proven anew


@dataclass(frozen=True, slots=True)
class Shadow:
    """Of `read` cases of a grant `otherwise` would have been handled otherwise: at least the share `at_least` of all, with 95 %
    confidence, so that a few of few stop nothing."""

    ramp: int
    read: int
    otherwise: int
    at_least: float

    @property
    def stops(self) -> bool:
        return self.at_least > MOST_FLIPPED

    def because(self) -> str:
        return f"The classifier that reads now would have had {self.otherwise} of {self.read} of its cases handled otherwise."


def of_grant(ramp: Ramp, reader: Reader, now: datetime) -> Shadow:
    """Over its newest cases of the last weeks that this classifier has not read, and that one alone has read: where a second
    reader was unsure, what the first one says makes no difference."""
    lately = Interaction.objects.filter(ruling__ramp=ramp.pk, ruling__at__gte=now - RECENT)
    others = lately.exclude(ruling__made_with__classifier=reader.version).exclude(
        ruling__made_with__has_key="second_reader"
    )
    newest = list(others.order_by("-ruling__at").values_list("pk", flat=True)[:MOST_READ_AGAIN])
    found = list(reclassifying.read_again(Interaction.objects.filter(pk__in=newest), reader.model))
    otherwise = sum(one.otherwise for one in found)
    return Shadow(ramp.pk, len(found), otherwise, lower_bound(otherwise, len(found), 0.05) if found else 0.0)


def of_grants(reader: Reader, now: datetime) -> list[Shadow]:
    """Without those whose cases cannot be read any more: the sweep looks at them when it reads (ramping.py)."""
    found = []
    for ramp in ramps.released().order_by("pk"):
        try:
            found.append(of_grant(ramp, reader, now))
        except Exception:
            log.exception("the cases of %s cannot be read again", ramp)
    return found
