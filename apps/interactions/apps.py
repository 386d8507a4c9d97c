from django.apps import AppConfig


class InteractionsConfig(AppConfig):
    name = "apps.interactions"
    label = "interactions"
    verbose_name = "Interactions"

    def ready(self) -> None:
        from apps.interactions import outbox, tenancy
        from apps.policies import events

        events.boundary_changed.connect(outbox.tell_of_boundary, dispatch_uid="interactions_boundary_changed")
        tenancy.connect()
