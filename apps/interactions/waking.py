"""Waking a worker. The task carries nothing: the rows say what is due, so a lost or doubled task is harmless."""

from django_q.tasks import async_task


def wake_workers() -> None:
    """Call inside `atomic()`: the broker is in the same database, so the task appears with the commit."""
    async_task("apps.interactions.tasks.advance")
