from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "apps.learning"
    label = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        from apps.learning import drawing, replay_evidence, signals

        drawing.connect()
        signals.connect()
        replay_evidence.connect()
