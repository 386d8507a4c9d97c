"""Waking a worker. The task carries nothing: the rows say what is due, so a lost or doubled task is harmless, and one that
waits is enough for everything that was committed before a worker takes it.
"""

from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task


def wake_workers() -> None:
    """When the transaction is committed. Should that fail, the watchdog sees work without a task half a second later."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    if not a_task_waits():
        async_task("apps.interactions.tasks.advance")


def a_task_waits() -> bool:
    """Whether a task waits to be taken: the broker dates one that was taken into the future."""
    with connection.cursor() as cursor:  # asked after every call of the API
        cursor.execute(f"SELECT EXISTS (SELECT FROM {OrmQ._meta.db_table} WHERE lock <= %s)", [timezone.now()])
        return bool(cursor.fetchone()[0])
