from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "apps.learning"
    label = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        from apps.learning import audits, replay_evidence, signals

        audits.connect()
        signals.connect()
        replay_evidence.connect()
