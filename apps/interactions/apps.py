from django.apps import AppConfig


class InteractionsConfig(AppConfig):
    name = "apps.interactions"
    label = "interactions"
    verbose_name = "Interactions"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from apps.interactions import memory, outbox, tenancy
        from apps.policies import events

        events.boundary_changed.connect(outbox.tell_of_boundary, dispatch_uid="interactions_boundary_changed")
        tenancy.connect()
        post_spawn.connect(memory.settle, dispatch_uid="interactions_settle_memory")
