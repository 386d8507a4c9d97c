"""The ruling log in columns: chunks are copies of what they hold, also while the log grows."""

from datetime import timedelta

from django.utils import timezone

from apps.policies import columnar
from apps.policies.models import Ruling
from tests.policies.conftest import another_ruling, replayed, with_refund_rule


def test_chunks_and_log_give_the_same_result(night, author, partner, monkeypatch):
    draft = with_refund_rule(author, partner)
    from_log = replayed(author, draft)
    monkeypatch.setattr(columnar, "CHUNK", 3)
    later = timezone.now() + timedelta(hours=1)
    assert columnar.build(later, most=9) == 2, "the last two are no whole chunk"
    assert columnar.build(later, most=9) == 0
    assert replayed(author, draft) == from_log


def test_a_young_ruling_waits_for_its_chunk(night, monkeypatch):
    monkeypatch.setattr(columnar, "CHUNK", 3)
    assert columnar.build(timezone.now()) == 0


class TestWhileTheLogGrows:
    def ids(self, batches):
        return [int(ruling) for batch in batches for ruling in batch["id"]]

    def test_what_is_copied_during_a_replay_is_in_it_once(self, night, monkeypatch):
        monkeypatch.setattr(columnar, "CHUNK", 2)
        later = timezone.now() + timedelta(hours=1)
        columnar.build(later)
        batches = columnar.batches(later - timedelta(days=90), later, [], None)
        first = self.ids([next(batches)])
        columnar.build(later, most=2)
        assert sorted(first + self.ids(batches)) == sorted(Ruling.objects.values_list("pk", flat=True))

    def test_a_ruling_with_a_smaller_id_and_a_later_time_is_not_passed_over(self, night, monkeypatch):
        monkeypatch.setattr(columnar, "CHUNK", 1)
        now = timezone.now() + timedelta(hours=1)
        young, old = (another_ruling(at=now - timedelta(seconds=seconds)) for seconds in (599, 601))
        columnar.build(now, most=99)
        found = self.ids(columnar.batches(now - timedelta(days=90), now + timedelta(hours=3), [], None))
        assert {young.pk, old.pk} <= set(found)
        assert len(found) == len(set(found))
