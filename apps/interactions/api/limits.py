"""How many calls a key may make in a minute, counted in the database so that every process counts alike.

Told as the IETF's draft on RateLimit header fields has it (draft-ietf-httpapi-ratelimit-headers-10).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apps.interactions.models import ApiKey, CallCount

WINDOW = timedelta(minutes=1)
_COUNT = """
INSERT INTO interactions_callcount AS counted (key_id, minute, count) VALUES (%s, %s, 1)
ON CONFLICT (key_id, minute) DO UPDATE SET count = counted.count + 1 RETURNING count
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a key's calls, until `seconds` from now."""

    most: int
    used: int
    seconds: int

    @property
    def is_used_up(self) -> bool:
        return self.used > self.most

    def headers(self) -> dict[str, str]:
        left = max(0, self.most - self.used)
        told = {
            "RateLimit-Policy": f'"key";q={self.most};w={int(WINDOW.total_seconds())}',
            "RateLimit": f'"key";r={left};t={self.seconds}',
        }
        return told | ({"Retry-After": str(self.seconds)} if self.is_used_up else {})


def count(key: ApiKey, now: datetime) -> Allowance:
    """Count a call; those over the limit count too."""
    minute = now.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key.pk, minute])
        (used,) = cursor.fetchone()
    return Allowance(key.calls_a_minute, used, max(1, 60 - now.second))


def forget_old(now: datetime) -> int:
    return CallCount.objects.filter(minute__lt=now - 5 * WINDOW).delete()[0]
