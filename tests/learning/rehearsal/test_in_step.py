"""The journey in memory and the one through the real pipeline, side by side: the same cases, and the same of everything that
learning makes of them, from the first report to the breaker."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apps.interactions import blind
from apps.interactions.models import DecisionRecord, Judgement
from apps.learning import steps
from apps.learning.models import CaseAudit, Refinement, RefinementReport
from apps.learning.rehearsal import journey as in_memory
from apps.learning.rehearsal import operation
from apps.learning.rehearsal.journey import Journey
from apps.learning.rehearsal.live import LiveJourney
from apps.learning.rehearsal.shop import Shop
from apps.learning.rehearsal.staging import SLUG, Clock
from apps.learning.rehearsal.world import FIRST_MONDAY, Answer
from apps.policies import draws
from apps.policies.draws import place_of
from apps.policies.models import Partner, Ramp

WEEKS, A_WEEK, TARGET = 4, 90, 0.2
CHANGES_IN = 3


class Harbour(Shop):
    """Returns, and some questions where an order is, once a day; in the fourth week returns alone, one an hour, and now everybody
    declines them. Who judges is told by the case."""

    name = "harbour"

    def week(self, number, count):
        everything = super().week(number, 10 * count)
        returns = [one for one in everything if one.hidden.shape == "return"][:count]
        if number >= CHANGES_IN:
            return [replace(one, minute=60 * place) for place, one in enumerate(returns[:24])]
        found = [*returns, *(one for one in everything if one.hidden.shape == "status")][: count + 10]
        return sorted((replace(one, minute=one.minute // 1440 * 1440 + 720) for one in found), key=when)

    def who(self, arrival, place):
        return self.people[sum(map(ord, arrival.key)) % len(self.people)]

    def judge(self, arrival, person, *, shown):
        return self.right(arrival)

    def right(self, arrival):
        return Answer("deny") if arrival.week >= CHANGES_IN else super().right(arrival)


def when(arrival):
    return arrival.minute, arrival.key


class Memory(Journey):
    """Draws as the pipeline does, and keeps what it does alone."""

    def __init__(self, world):
        super().__init__(world, a_week=A_WEEK, target=TARGET, blind=1.0)
        self.done, self.shares = [], []

    def _place(self, purpose, arrival):
        return draws.place(purpose, f"{SLUG}/{arrival.key}")

    def week(self, number):
        self.shares.append([grant.share for grant in self.grants if grant.number])
        return super().week(number)

    def _act(self, arrival, grant, week):
        self.done.append(arrival.key)
        super()._act(arrival, grant, week)


@pytest.fixture
def live(db, monkeypatch):
    """Everything that people decide is judged blind, and everything that the AI decides is audited, so that no lot but those
    of ramps is drawn."""
    monkeypatch.setattr(blind, "drawn", lambda percent: percent >= 100)
    monkeypatch.setattr(draws, "place", lambda purpose, subject: place_of(b"in step", purpose.split()[0], subject))
    monkeypatch.setattr(steps, "WEEKLY_MINIMUM", 4)
    for module in (operation, in_memory):
        monkeypatch.setattr(module, "AUDITED", 1.0)
    with Clock(FIRST_MONDAY - timedelta(hours=1)) as clock:
        made = LiveJourney(Harbour(3), clock.set, a_week=A_WEEK, target=TARGET, blind=1.0)
        Partner.objects.update(audit_percent=100)
        yield made


def test_learning_comes_to_the_same_in_memory_and_through_the_pipeline(live):
    shares, weeks = [], []
    for number in range(WEEKS):
        weeks.append(live.week(number))
        shares.append(list(Ramp.objects.order_by("pk").values_list("share", flat=True)))
    assert live.differences.found == []

    memory = Memory(Harbour(3))
    expected = memory.run(WEEKS)

    alone = DecisionRecord.objects.filter(how=DecisionRecord.How.ALONE).order_by("pk")
    assert list(alone.values_list("interaction__external_id", flat=True)) == memory.done
    for one, other in zip(weeks, expected.weeks, strict=True):
        assert (one.cases, one.alone, one.wrong, one.audits) == (other.cases, other.alone, other.wrong, other.audits)
    assert Judgement.objects.count() == sum(week.blind for week in expected.weeks)
    assert CaseAudit.objects.count() == sum(week.audits for week in expected.weeks)

    granted = [text for week in expected.weeks[: WEEKS - 1] for text in week.granted]
    assert granted, "something was proven"
    proposals = Refinement.objects.order_by("pk")
    assert [(row.case_type, row.action, row.as_region()) for row in proposals] == [
        (*grant.kind, grant.region) for grant in memory.grants if grant.number and grant.since < WEEKS
    ]
    assert RefinementReport.objects.filter(tested__gt=0).count() == memory.reports
    assert shares == memory.shares
    assert max(shares[-1]) > 10, "a step was taken"

    assert [bool(week.stopped) for week in weeks] == [bool(week.stopped) for week in expected.weeks]

    grants = [grant for grant in memory.grants if grant.number]
    assert any(grant.stopped for grant in grants), "a breaker tripped"
    ramps = Ramp.objects.order_by("pk")
    assert [row.stopped_at is not None for row in ramps] == [grant.stopped for grant in grants]
    for row, grant in zip(ramps, grants, strict=True):
        assert (row.breaker.seen, row.breaker.wrong) == (grant.detector.seen, grant.detector.wrong)
        assert row.breaker.threshold == grant.detector.threshold
        assert row.breaker.evidence == pytest.approx(grant.detector.evidence.tolist())
