"""An effect that breaks, an outcome that is lost, a task that runs twice: none holds up or repeats another."""

from datetime import timedelta

from django.utils import timezone

from apps.interactions import committing, execution, ledger, settling
from apps.interactions.models import (
    DecisionRecord,
    Effect,
    Interaction,
    SimulatedAction,
)
from apps.policies.compiled import compiled_version
from apps.policies.models import BoundaryVersion
from tests import factories
from tests.conftest import STATUS
from tests.deciding import decide, pass_undo_window
from tests.interactions.test_execution import by_webhook, requested, result  # noqa: F401


def test_nothing_is_executed_twice_when_the_same_task_runs_twice(held, drain):
    decide(held)
    pass_undo_window()
    drain()
    keys = set(SimulatedAction.objects.values_list("key", flat=True))
    assert execution.execute() == execution.execute() == 0
    assert set(SimulatedAction.objects.values_list("key", flat=True)) == keys
    assert Interaction.objects.get().messages.filter(author="agent").count() == 1


class TestIsolation:
    def test_what_people_decided_leaves_also_where_the_rules_cannot_be_read(self, held, monkeypatch):
        decision = decide(held)
        pass_undo_window()
        committing.commit_due()
        compiled_version.cache_clear()
        monkeypatch.setattr(BoundaryVersion, "compile", lambda version: 1 / 0)
        execution.execute()
        assert decision.effects.get(action="refund").state == "done"

    def test_one_effect_that_breaks_holds_up_no_other(self, held, arrive, order, monkeypatch, drain):
        broken = decide(held)
        real = ledger.reserve

        def breaking(effect, *args, **kwargs):
            if effect.decision_id == broken.pk:
                raise RuntimeError("the ledger broke")
            return real(effect, *args, **kwargs)

        monkeypatch.setattr(ledger, "reserve", breaking)
        pass_undo_window()
        other = arrive(STATUS, order=factories.OrderFactory(customer=order.customer))
        assert other.state == "resolved"
        assert broken.effects.get(action="refund").state == "pending"
        assert drain() == 0, "it waits, and is not tried in a circle"

    def test_an_outcome_that_could_not_be_recorded_is_taken_up_again(self, requested, monkeypatch):  # noqa: F811
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        with monkeypatch.context() as broken:
            broken.setattr(settling, "after_effects", lambda *_: 1 / 0)
            execution.look_up_overdue()
        assert Effect.objects.get(pk=requested.pk).state == "unknown"
        assert DecisionRecord.objects.get().state == "executing"
        execution.look_up_overdue()
        assert DecisionRecord.objects.get().state == "failed"
        assert Interaction.objects.get().state == "awaiting_decision"

    def test_a_late_answer_is_briefed_anew(self, requested, api, drain):  # noqa: F811
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        before = Interaction.objects.get().packets.get(state="ready")
        result(api, requested, outcome="refused", reason="declined")
        drain()
        after = Interaction.objects.get().packets.get(state="ready")
        assert after.version > before.version
        assert "refund" in {option["action"] for option in after.content["options"]}
