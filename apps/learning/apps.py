from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "apps.learning"
    label = "learning"
    verbose_name = "Learning"

    def ready(self) -> None:
        from apps.interactions import events
        from apps.learning import drawing, outcomes, replay_evidence, signals

        events.outcome_reported.connect(outcomes.regret, dispatch_uid="learning_regret")
        drawing.connect()
        signals.connect()
        replay_evidence.connect()
