from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class PoliciesConfig(AppConfig):
    name = "apps.policies"
    label = "policies"
    verbose_name = "Boundaries and partners"

    def ready(self) -> None:
        connection_created.connect(_plan_for_values, dispatch_uid="plan_for_values")
        from apps.policies import replaying, signing_in, staff

        signing_in.connect()
        staff.connect()
        replaying.connect()


def _plan_for_values(connection: Any, **kwargs: Any) -> None:
    """Prepared statements are planned each time for their values: brands and backlogs differ too much for one plan."""
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_custom_plan")
