"""A grant in its life: its steps, other versions of what it was proven with, its breaker, and what is sought."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import blind, notifying, reading_models
from apps.interactions.demo import demo_partner
from apps.interactions.models import Escalation, Notice
from apps.learning import audits, breaker, drift, evidence, ramping, refinements, shadow_reading, steps, tasks
from apps.learning.models import Breaker, CaseAudit
from apps.policies import audit, editing, ramps, releases
from apps.policies.errors import Invalid
from apps.policies.models import AuditEntry, Partner, Ramp, Rule, SoughtKind
from tests import factories
from tests.conftest import COMPLAINT, RETURN, STATUS
from tests.interactions.test_reclassify import Reads
from tests.learning.test_audits import place_of
from tests.policies.conftest import released


class TestSteps:
    def test_it_begins_when_a_version_with_it_rules(self, boundary, author, other):
        ramp = ramps.start(boundary, "order_status", "reply", "report 1", {})
        ramping.go_on(timezone.now())
        assert Ramp.objects.get(pk=ramp.pk).stepped_at is None
        assert ramping.held_by(ramp, timezone.now()) == "no version with it rules yet"

    def test_without_enough_audits_it_stays(self, ramp):
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        assert "0 audits are done, and 25 are needed" in ramping.held_by(ramp, later)

    def test_it_goes_on_after_a_week_of_good_audits(self, ramp, done):
        done(26)
        assert "lasted" in ramping.held_by(ramp, timezone.now())
        later = timezone.now() + timedelta(days=8)
        tasks.sweep()
        assert Ramp.objects.get(pk=ramp.pk).share == 10
        assert ramping.go_on(later) == 1
        row = Ramp.objects.get(pk=ramp.pk)
        assert (row.share, row.stepped_at) == (50, later)
        assert ramping.go_on(later + timedelta(days=8)) == 0, "each step needs audits of its own"

    def test_audits_that_nobody_does_stop_it(self, ramp, done):
        done(26, left=1)
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        late = "audits are late: 1 wait for more than 2 days, or were never done"
        assert ramping.held_by(ramp, later) == late
        audits.expire_overdue(later)
        assert ramping.held_by(ramp, later) == late, "ended is not done"
        assert ramping.held_by(ramp, later + timedelta(days=8)) == "", "a week without a late one, and it goes on"

    def test_one_that_waits_for_two_days_stops_it_before_its_time_has_run_out(self, ramp, done):
        """The first audits of a step are due just as it ends: if only these stopped it, none ever would."""
        Ramp.objects.filter(pk=ramp.pk).update(stepped_at=timezone.now() - timedelta(days=5))
        done(26, left=1)
        ramp = Ramp.objects.get(pk=ramp.pk)
        in_time, late = (timezone.now() + timedelta(days=2, minutes=minutes) for minutes in (-5, 5))
        assert ramping.held_by(ramp, in_time) == "a step lasts a week at least, and this one has lasted 6 days"
        Ramp.objects.filter(pk=ramp.pk).update(stepped_at=timezone.now() - timedelta(days=6))
        ramp = Ramp.objects.get(pk=ramp.pk)
        assert ramping.held_by(ramp, in_time) == ""
        assert "late: 1 wait" in ramping.held_by(ramp, late)

    def test_those_of_the_step_before_stop_it_too(self, ramp, done):
        done(0, left=1)
        soon = timezone.now() + timedelta(hours=1)
        Ramp.objects.filter(pk=ramp.pk).update(stepped_at=soon, share=50)
        found = ramping.step_of(Ramp.objects.get(pk=ramp.pk), soon + timedelta(days=7))
        assert (found.late, found.audits) == (1, [])

    def test_audits_that_speak_against_the_ai_hold_it(self, ramp, done):
        done(26, wrong=4)
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        assert "wrong in" in ramping.held_by(ramp, later) or "Breaker" in ramping.held_by(ramp, later)

    @pytest.mark.parametrize("of", ["one auditor", "one customer"])
    def test_a_flood_moves_it_no_further(self, ramp, done, partner, of):
        done(26, **({"by": 1} if of == "one auditor" else {"customer": factories.CustomerFactory(partner=partner)}))
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        assert ramping.held_by(ramp, later).startswith("26 audits are done, 0 count, and 25 are needed: ")

    def test_more_of_a_new_grant_is_audited(self, ramp, arrive, new_order, at, monkeypatch, partner):
        partner.audit_percent = 5
        partner.save()
        Ramp.objects.update(audited=0.4)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 40)
        at(0.1)
        arrive(STATUS, order=new_order())
        row = CaseAudit.objects.get()
        assert (row.ramp, float(row.probability), float(row.least)) == (ramp, 0.4, 0.05)

    def test_each_audit_counts_by_how_it_was_drawn(self, ramp, done):
        done(2, drawn=50)
        done(1, wrong=1, drawn=10)
        found = ramping.step_of(Ramp.objects.get(pk=ramp.pk), timezone.now())
        assert [(one.wrong, one.probability) for one in found.audits] == [(False, 0.5), (False, 0.5), (True, 0.1)]
        assert breaker.standing_of(Breaker.objects.get(ramp=ramp)).rate == pytest.approx(10 / (10 + 2 + 2))

    def test_as_many_are_audited_as_bring_the_weekly_minimum(self, ramp, done, monkeypatch):
        monkeypatch.setattr(steps, "DRAWN", 3)
        done(12)
        now = timezone.now()
        ramping.go_on(now)
        assert Ramp.objects.get(pk=ramp.pk).audited == 1.0, "of its first day nothing is told"
        Ramp.objects.filter(pk=ramp.pk).update(stepped_at=now - timedelta(days=2))
        ramping.go_on(now)
        assert Ramp.objects.get(pk=ramp.pk).audited == pytest.approx(3 / (12 * 7 / 2))

    def test_drift_is_looked_for_once_a_day(self, ramp, monkeypatch):
        looks, now = [], timezone.now()
        monkeypatch.setattr(drift, "never_certified", lambda usual, lately: looks.append(lately) or [])
        for hours in (0, 1, 23, 25):
            ramping.go_on(now + timedelta(hours=hours))
        assert len(looks) == 2

    def test_what_drifts_goes_back_to_people(self, ramp, arrive, new_order, at):
        usual = drift.usual([{"customer.orders": 0}] * 50 + [{"customer.orders": n % 2} for n in range(50)])
        strange = Ramp.objects.create(
            boundary=ramp.boundary, case_type="order_status", action="reply", source="report 2",
            usual=ramping.usual_as_json({"order.status": drift.Usual(400, 400, values=frozenset({"placed"}))}),
        )  # fmt: skip
        assert ramping.usual_of(ramping.usual_as_json(usual)) == usual
        draft = releases.draft_from(factories.ops_manager(), ramp.boundary)
        author = factories.ops_manager()
        for rule in Rule.objects.filter(version=draft, ramp=ramp):
            rule.ramp = strange
            editing.save(author, rule)
        released(author, factories.ops_manager(), draft)
        at(0.1)
        for _ in range(12):
            arrive(STATUS, order=new_order(), work=False)
        arrive(STATUS, order=new_order())
        ramping.go_on(timezone.now())
        (condition,) = Ramp.objects.get(pk=strange.pk).never_certified()
        assert condition.fact == "order.status"
        assert arrive(STATUS, order=new_order()).ruling.downgrades[0]["code"] == "drift"


@pytest.fixture
def done(ramp, arrive, new_order, at, monkeypatch, drain):
    """So many audits of the grant, judged by two in turn, and some that nobody does: `done(26, wrong=2, left=1)`."""

    def make(count, wrong=0, left=0, drawn=100, by=2, customer=None):
        Ramp.objects.filter(pk=ramp.pk).update(audited=drawn / 100)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == drawn)
        at(0.1)
        for _ in range(count + left):
            order = new_order()
            if customer is not None:
                order.customer = customer
                order.save()
            arrive(STATUS, order=order, work=False)
        drain()
        monkeypatch.setattr(blind, "drawn", lambda percent: False)
        people = [factories.supervisor() for _ in range(by)]
        for number in range(count):
            user = people[number % by]
            held = audits.take_next(user)
            audits.judge(user, held.pk, place=place_of(held, "Tell where it is"))
            bad = number < wrong
            audits.review(user, held.pk, verdict="wrong" if bad else "right", wrong_part="action" if bad else "")

    return make


class TestBeginning:
    """What happened between the proof and the release counts too."""

    @pytest.fixture
    def released_later(self, proven, ops, boundary):
        draft = refinements.accept(ops, proven.pk)
        released(ops, factories.ops_manager(), draft)
        return Ramp.objects.get(rules__version=draft)

    def test_it_begins_when_it_is_released(self, released_later):
        ramping.go_on(timezone.now())
        row = Ramp.objects.get(pk=released_later.pk)
        assert (row.stepped_at is not None, row.stopped_at) == (True, None)

    @pytest.mark.parametrize("since", ["a stop", "fourteen weeks"])
    def test_what_proves_nothing_any_more_does_not_begin(self, released_later, boundary, since):
        now = timezone.now() + timedelta(weeks=14 if since == "fourteen weeks" else 0)
        if since == "a stop":
            other = ramps.start(boundary, released_later.case_type, released_later.action, "an earlier one", {})
            ramps.stop(other, "wrong too often", audit.system("test"), now)
        ramping.go_on(now)
        row = Ramp.objects.get(pk=released_later.pk)
        assert row.stepped_at is None
        assert row.stopped_because.startswith(
            "A grant of its kind was stopped" if since == "a stop" else "It was proven more"
        )
        assert "did not begin" in Notice.objects.get(kind="breaker").text


class TestVersions:
    """A certificate speaks of the classifier, drafter and playbook that it was proven with."""

    @pytest.fixture
    def proven(self, ramp, arrive, new_order, at):
        """At its second step, with what its cases were made with so far."""
        at(0.1)
        case = arrive(STATUS, order=new_order())
        assert case.handler == "autonomous"
        Ramp.objects.filter(pk=ramp.pk).update(share=50, made_with=list(evidence.versions_of(case.ruling.made_with)))
        return Ramp.objects.get(pk=ramp.pk)

    def again(self, arrive, new_order, monkeypatch, reader):
        monkeypatch.setattr(reading_models, "current", lambda: reader)
        arrive(STATUS, order=new_order())
        ramping.go_on(timezone.now())
        return Ramp.objects.get()

    def test_with_the_same_ones_it_stays_where_it_is(self, proven, arrive, new_order, monkeypatch):
        row = self.again(arrive, new_order, monkeypatch, reading_models.shipped())
        assert (row.share, row.stopped_at) == (50, None)

    def test_with_another_classifier_it_begins_again(self, proven, arrive, new_order, monkeypatch):
        shipped = reading_models.shipped()
        row = self.again(arrive, new_order, monkeypatch, replace(shipped, version="another"))
        assert (row.share, row.audited, row.stopped_at) == (10, 1.0, None)
        assert "classifier another" in row.made_with
        (entry,) = AuditEntry.objects.filter(event="began_again")
        assert entry.reason == "now made with classifier another"
        (notice,) = Notice.objects.filter(kind="again")
        assert notice.text.startswith("A grant begins again at 10 %")
        notifying.watch(timezone.now())
        assert Notice.objects.get().over_at is None, "until somebody has seen it"
        ramping.go_on(timezone.now())
        assert AuditEntry.objects.filter(event="began_again").count() == 1, "once for each version"
        assert Ramp.objects.get().audited == 1.0, "every decision, whatever many it took at its old share"

    def test_with_cases_that_cannot_be_read_again_it_begins_again_too(self, proven, arrive, new_order, monkeypatch):
        def unreadable(ramp, reader, now):
            raise Invalid({"facts": ["there is no such fact any more"]})

        monkeypatch.setattr(shadow_reading, "of_grant", unreadable)
        row = self.again(arrive, new_order, monkeypatch, replace(reading_models.shipped(), version="another"))
        assert (row.share, row.stopped_at) == (10, None)

    def test_one_that_would_have_read_its_cases_otherwise_stops_it(self, proven, arrive, new_order, monkeypatch):
        row = self.again(arrive, new_order, monkeypatch, reading_models.Reader("another", Reads("complaint", 0.99)))
        assert row.stopped_at is None, "no case of its own was made with it"
        monkeypatch.setattr(shadow_reading, "lower_bound", lambda wrong, count, alpha: wrong / count)
        monkeypatch.setattr(ramping, "_other_versions", lambda row, now: ["classifier another"])
        ramping.go_on(timezone.now())
        row = Ramp.objects.get()
        assert (
            row.stopped_because == "The classifier that reads now would have had 1 of 1 of its cases handled otherwise."
        )


class TestBreaker:
    def test_one_that_is_wrong_time_and_again_is_stopped_and_told(self, ramp, done):
        done(5, wrong=5)
        row = Ramp.objects.get(pk=ramp.pk)
        assert row.stopped_because.startswith("Breaker: 4 of 4 audits found it wrong")
        assert Breaker.objects.get(ramp=ramp).pause is None
        notice = Notice.objects.get(key=notifying.key_of_stop(ramp.pk))
        notifying.watch(timezone.now())
        assert Notice.objects.get(pk=notice.pk).over_at is None, "until something else is released"

    def test_good_audits_stop_nothing(self, ramp, done):
        done(6)
        assert Breaker.objects.get(ramp=ramp).seen == 6
        assert Ramp.objects.get(pk=ramp.pk).stopped_at is None


class TestSought:
    def test_where_more_is_sought_more_of_the_kind_is_judged_blind(
        self, partner, boundary, arrive, new_order, monkeypatch
    ):
        asked = []
        monkeypatch.setattr(blind, "drawn", lambda percent: asked.append(percent) or percent == 75)
        SoughtKind.objects.create(boundary=boundary, case_type="refund_exception", action="refund", percent=75)
        partner.blind_percent = 5
        partner.save()
        late = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner), days_ago=33)
        arrive(RETURN, order=late)
        arrive(COMPLAINT, order=new_order())
        assert asked == [75, 5]
        chances = Escalation.objects.order_by("pk").values_list("blind", "blind_chance", "blind_least")
        assert list(chances) == [(True, 0.75, 0.75), (False, None, None)]

    def test_the_smallest_share_of_the_boundarys_brands_is_kept_with_it(self, partner, boundary, arrive, monkeypatch):
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 40)
        Partner.objects.filter(pk=demo_partner("other", "Other").pk).update(blind_percent=8)
        partner.blind_percent = 40
        partner.save()
        arrive(RETURN, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=partner), days_ago=33))
        row = Escalation.objects.get()
        assert (row.blind_chance, row.blind_least) == (0.4, 0.08)
