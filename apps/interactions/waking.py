"""Waking a worker. The task carries nothing: the rows say what is due, so a lost or doubled task is harmless, and one that
waits is enough for everything that was committed before a worker takes it.
"""

from functools import lru_cache

from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage
from django_q.tasks import async_task

TASK = "apps.interactions.tasks.advance"
LOOKED_AT = 20  # tasks; behind more of them one more is written


def wake_workers() -> None:
    """When the transaction is committed. Should that fail, the watchdog sees work without a task half a second later."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    if not _one_waits():
        async_task(TASK)


def _one_waits() -> bool:
    """Whether a wake-up waits to be taken: the broker dates what was taken into the future. Asked after every call of the
    API, so in plain SQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT payload FROM {OrmQ._meta.db_table} WHERE lock <= %s ORDER BY id LIMIT %s",
            [timezone.now(), LOOKED_AT],
        )
        return any(_wakes(payload) for (payload,) in cursor.fetchall())


@lru_cache(maxsize=LOOKED_AT)  # many calls find the same one
def _wakes(payload: str) -> bool:
    try:
        return bool(SignedPackage.loads(payload)["func"] == TASK)
    except BadSignature:
        return False
