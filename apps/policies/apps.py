from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "apps.policies"
    label = "policies"
    verbose_name = "Boundaries and partners"

    def ready(self) -> None:
        from apps.policies import replaying, signing_in, staff

        signing_in.connect()
        staff.connect()
        replaying.connect()
