"""A new grant: step by step, with a few of its cases always people's; stopped at once, and not let go of by one person."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.interactions import blind, notifying, onboarding, reading_models
from apps.interactions.demo import demo_partner
from apps.interactions.models import Escalation, Interaction, Notice
from apps.learning import audits, drift, evidence, ramping, tasks
from apps.learning.models import Breaker, CaseAudit
from apps.policies import audit, draws, editing, partner_releases, ramps, releases
from apps.policies.conditions import Condition
from apps.policies.lots import SHARES, Lot, lot_at
from apps.policies.models import AuditEntry, Partner, Ramp, Rule, SoughtKind
from tests import factories
from tests.conftest import COMPLAINT, RETURN, STATUS
from tests.interactions.test_reclassify import Reads
from tests.interactions.test_sandbox import send as send_to
from tests.learning.test_audits import place_of
from tests.policies.conftest import released

ACTOR = audit.system("test")


class TestLots:
    def test_so_many_of_a_hundred_are_the_ais_and_a_few_never(self):
        places = [draws.place_of(b"key", "ramp 7", f"case {n}") for n in range(20_000)]
        for share in SHARES:
            lots = [lot_at(place, share) for place in places]
            assert abs(lots.count(Lot.HELD_OUT) / len(lots) - 0.05) < 0.006
            assert abs(lots.count(Lot.ALONE) / len(lots) - 0.95 * share / 100) < 0.015

    def test_what_the_ai_has_at_one_step_it_has_at_the_next(self):
        for n in range(2000):
            place = n / 2000
            lots = [lot_at(place, share) for share in SHARES]
            assert lots in ([Lot.HELD_OUT] * 3, sorted(lots, key=lambda lot: lot is Lot.ALONE))

    def test_another_key_or_purpose_draws_others(self):
        drawn = [draws.place_of(key, purpose, "case 1") for key in (b"a", b"b") for purpose in ("ramp 1", "audit")]
        assert len(set(drawn)) == 4
        assert drawn[0] == draws.place_of(b"a", "ramp 1", "case 1")


class TestRuling:
    def test_outside_its_share_a_case_goes_to_a_person_who_is_told_why(self, ramp, arrive, new_order, at):
        at(0.9)
        case = arrive(STATUS, order=new_order())
        assert (case.state, case.handler, case.ruling.gate_handler) == ("awaiting_decision", "human", "autonomous")
        (no,) = case.ruling.downgrades
        assert (no["question"], no["code"]) == ("earned", "ramp")
        assert "10 % of its cases" in no["reason"]
        assert case.ruling.ramp == ramp.pk

    def test_inside_its_share_the_ai_acts(self, ramp, arrive, new_order, at):
        at(0.1)
        assert arrive(STATUS, order=new_order()).state == "resolved"

    def test_a_sandbox_has_the_whole_of_it_and_counts_for_nothing(
        self, ramp, partner, new_order, at, monkeypatch, drain
    ):
        monkeypatch.setattr(blind, "drawn", lambda percent: percent > 0)
        twin = onboarding.sandbox(partner, actor=ACTOR).partner
        at(0.9)  # a case of the brand's would go to people
        order = factories.OrderFactory(customer=factories.CustomerFactory(partner=twin))
        case = send_to(twin, STATUS, order)
        drain()
        done = Interaction.objects.get(pk=case.pk)
        assert (done.handler, done.ruling.ramp) == ("autonomous", None)
        assert not CaseAudit.objects.exists()

    def test_a_few_are_held_out_and_judged_unseen_even_at_the_last_step(self, ramp, arrive, new_order, at, monkeypatch):
        Ramp.objects.update(share=100)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 100)
        at(0.04)
        case = arrive(STATUS, order=new_order())
        assert case.ruling.downgrades[0]["code"] == "held out"
        escalation = Escalation.objects.get(interaction=case)
        assert (escalation.blind, escalation.blind_chance) == (True, 1.0)
        at(0.06)
        assert arrive(STATUS, order=new_order()).state == "resolved"

    def test_what_it_was_never_certified_on_is_peoples(self, ramp, arrive, new_order, at):
        at(0.1)
        ramps.leave_out(ramp, [Condition("customer.orders", "≤", 5)], timezone.now())
        case = arrive(STATUS, order=new_order())
        assert case.ruling.downgrades[0]["code"] == "drift"
        assert "orders of the customer ≤ 5" in case.ruling.downgrades[0]["reason"]

    def test_other_rules_are_not_limited(self, ramp, arrive, new_order, at):
        at(0.9)
        assert arrive(RETURN, order=new_order()).ruling.ramp is None


class TestStopping:
    def test_from_the_next_ruling_on_it_is_peoples(self, ramp, arrive, new_order, at):
        at(0.1)
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        case = arrive(STATUS, order=new_order())
        assert case.handler == "human"
        assert "wrong too often" in case.ruling.downgrades[0]["reason"]

    def test_what_has_not_left_goes_back_to_people(self, ramp, arrive, new_order, at, drain, monkeypatch):
        from apps.interactions import execution

        at(0.1)
        monkeypatch.setattr(execution, "execute", lambda *args, **more: 0)
        case = arrive(STATUS, order=new_order())
        assert case.state == "resolving"
        monkeypatch.undo()
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        drain()
        assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision"

    def test_stopped_is_final(self, ramp):
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        with pytest.raises(DatabaseError), transaction.atomic():
            Ramp.objects.update(stopped_at=None)

    def test_it_says_why(self, ramp):
        with pytest.raises(DatabaseError), transaction.atomic():
            Ramp.objects.update(stopped_at=timezone.now())


class TestReleasing:
    def test_taking_the_ramp_away_takes_two_people(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        rule.ramp = None
        editing.save(author, rule)
        assert releases.submit(author, draft).widens is True

    def test_a_rule_beside_it_that_grants_the_same_takes_two_people(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        editing.save(author, Rule(version=draft, case_type=rule.case_type, handler="autonomous", action=rule.action,
                                  conditions=rule.conditions))  # fmt: skip
        assert releases.submit(author, draft).widens is True

    def test_taking_the_grant_away_takes_one(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        for rule in Rule.objects.filter(version=draft, ramp=ramp):
            editing.delete(author, rule)
        assert releases.tighten(author, draft).state == "active"

    def test_taking_the_last_grant_away_takes_one_and_what_stands_before_it_stays(self, ramp, boundary, author, other):
        draft = releases.draft_from(author, boundary)
        newer = ramps.start(boundary, "order_status", "reply", "report 2", {})
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        editing.save(author, Rule(version=draft, case_type=rule.case_type, handler="autonomous", action=rule.action,
                                  conditions=[{"fact": "sender.verified", "operator": "is", "value": True}], ramp=newer))  # fmt: skip
        released(author, other, draft)
        draft = releases.draft_from(author, boundary)
        editing.delete(author, Rule.objects.get(version=draft, ramp=newer))
        assert releases.tighten(author, draft).state == "active"

    def test_moving_a_brand_to_a_boundary_without_the_ramp_takes_two(self, ramp, partner, boundary):
        old = boundary.active_version.policy()
        new = replace(old, rules=tuple(replace(rule, ramp=None) for rule in old.rules))
        assert partner_releases._wider(new, old) == [
            "It lets go of a ramp: what the AI does step by step now, or was stopped from, it would do at once."
        ]
        assert partner_releases._wider(old, old) == []

    def test_rolling_back_to_before_the_ramp_is_a_release_for_two(self, ramp, boundary, author, other):
        before = boundary.versions.get(number=boundary.active_version.number - 1)
        back = releases.roll_back(author, boundary.active_version, before, "as it was")
        assert back.state in ("draft", "in_review")

    def test_a_copy_keeps_it(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        assert Rule.objects.filter(version=draft, ramp=ramp).exists()
        assert draft.current_hash() == boundary.active_version.current_hash()


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
        done(25)
        assert "lasted" in ramping.held_by(ramp, timezone.now())
        later = timezone.now() + timedelta(days=8)
        tasks.sweep()
        assert Ramp.objects.get(pk=ramp.pk).share == 10
        assert ramping.go_on(later) == 1
        row = Ramp.objects.get(pk=ramp.pk)
        assert (row.share, row.stepped_at) == (50, later)
        assert ramping.go_on(later + timedelta(days=8)) == 0, "each step needs audits of its own"

    def test_audits_that_nobody_does_stop_it(self, ramp, done):
        done(25, left=1)
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        assert ramping.held_by(ramp, later) == "1 audits are overdue"
        audits.expire_overdue(later)
        assert ramping.held_by(ramp, later) == "1 audits are overdue", "ended is not done"
        assert ramping.held_by(ramp, later + timedelta(days=8)) == "", "a week without a late one, and it goes on"

    def test_audits_that_speak_against_the_ai_hold_it(self, ramp, done):
        done(25, wrong=4)
        later = timezone.now() + timedelta(days=8)
        assert ramping.go_on(later) == 0
        assert "wrong in" in ramping.held_by(ramp, later) or "Breaker" in ramping.held_by(ramp, later)

    def test_more_of_a_new_grant_is_audited(self, ramp, arrive, new_order, at, monkeypatch, partner):
        partner.audit_percent = 5
        partner.save()
        Ramp.objects.update(audited=0.4)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 40)
        at(0.1)
        arrive(STATUS, order=new_order())
        row = CaseAudit.objects.get()
        assert (row.ramp, float(row.probability), float(row.least)) == (ramp, 0.4, 0.05)

    def test_what_drifts_goes_back_to_people(self, ramp, arrive, new_order, at):
        usual = drift.usual([{"customer.orders": 0}] * 50 + [{"customer.orders": n % 2} for n in range(50)])
        strange = Ramp.objects.create(
            boundary=ramp.boundary, case_type="order_status", action="reply", source="report 2",
            usual=ramping.usual_as_json({"order.status": drift.Usual(400, values=frozenset({"placed"}))}),
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
    """So many audits of the grant, judged, and some that nobody does: `done(25, wrong=2, left=1)`."""

    def make(count, wrong=0, left=0):
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 100)
        at(0.1)
        for _ in range(count + left):
            arrive(STATUS, order=new_order(), work=False)
        drain()
        monkeypatch.setattr(blind, "drawn", lambda percent: False)
        user = factories.supervisor()
        for number in range(count):
            held = audits.take_next(user)
            audits.judge(user, held.pk, place=place_of(held, "Tell where it is"))
            bad = number < wrong
            audits.review(user, held.pk, verdict="wrong" if bad else "right", wrong_part="action" if bad else "")

    return make


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

    def test_one_that_would_have_read_its_cases_otherwise_stops_it(self, proven, arrive, new_order, monkeypatch):
        row = self.again(arrive, new_order, monkeypatch, reading_models.Reader("another", Reads("complaint", 0.99)))
        assert row.stopped_at is None, "no case of its own was made with it"
        monkeypatch.setattr(ramping, "lower_bound", lambda wrong, count, alpha: wrong / count)
        monkeypatch.setattr(ramping, "_other_versions", lambda row, now: ["classifier another"])
        ramping.go_on(timezone.now())
        row = Ramp.objects.get()
        assert (
            row.stopped_because
            == "The classifier that reads now would have had over 100% of its cases handled otherwise."
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
