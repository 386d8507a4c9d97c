import gc
from typing import Any

from django.apps import AppConfig


class InteractionsConfig(AppConfig):
    name = "apps.interactions"
    label = "interactions"
    verbose_name = "Interactions"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from apps.interactions import outbox, tenancy
        from apps.policies import events

        events.boundary_changed.connect(outbox.tell_of_boundary, dispatch_uid="interactions_boundary_changed")
        tenancy.connect()
        post_spawn.connect(_settle_memory, dispatch_uid="interactions_settle_memory")


def _settle_memory(**kwargs: Any) -> None:
    """A worker starts: what is loaded by now stays for good, so the collector need not look at it again, nor look so often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
