"""Outcomes: an error of what was drawn when it was charged back, and an alarm of their own for the rest."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import outcomes as reported
from apps.interactions.models import DecisionRecord, Interaction, Notice
from apps.learning import audits, betting, breaker, evidence
from apps.learning import outcomes as alarm
from apps.learning.models import Breaker, CaseAudit, OutcomeLook
from apps.policies import audit
from apps.policies.errors import Refused
from apps.policies.models import Pause
from apps.policies.targets import USUAL
from tests import factories
from tests.conftest import browser, page
from tests.learning.test_audits import chance  # noqa: F401
from tests.learning.test_breaker import audited, find_all, lift  # noqa: F401

BOT = audit.system("test")


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


def became(case, kind, score=None, at=None):
    now = timezone.now()
    reported.report(case, reported.Said(kind, at or now, f"{kind} of {case.pk}", score), actor=BOT, now=now)


class TestAnError:
    def pieces(self, partner):
        now = timezone.now()
        return evidence.pieces_of([partner], now - timedelta(days=1), now + timedelta(minutes=1))

    @pytest.mark.parametrize(("kind", "wrong"), [("chargeback", True), ("fraud", True), ("reopened", False)])
    def test_what_an_audit_found_right_is_wrong_when_it_was_charged_back(self, audited, user, partner, kind, wrong):  # noqa: F811
        find_all(user, rows := audited(1), "right")
        became(rows[0].decision.interaction, kind)
        (piece,) = self.pieces(partner)
        assert piece.judged.wrong is wrong

    def test_what_was_not_drawn_is_no_evidence(self, audited, chance, arrive, order, partner):  # noqa: F811
        from tests.conftest import STATUS

        partner.audit_percent = 0
        partner.save()
        became(arrive(STATUS, order=order), "chargeback")
        assert self.pieces(partner) == []

    def test_breakers_count_it_as_wrong_though_it_was_found_right(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(2), "right")
        case = rows[0].decision.interaction
        became(case, "chargeback")
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(2, 1)}
        became(case, "fraud")  # the same case is one error
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(2, 1)}

    def test_enough_of_them_trip_it(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(6), "right")
        for row in rows:
            became(row.decision.interaction, "chargeback")
        assert Pause.objects.filter(action="reply", lifted_at=None).exists()

    def test_it_is_as_if_it_had_been_known_from_the_start(self, audited, user):  # noqa: F811
        """Not four wrong ones in a row at the end, after all the right ones: that would trip where nothing has changed."""
        find_all(user, rows := audited(12), "right")
        for row in (rows[1], rows[7]):
            became(row.decision.interaction, "chargeback")
        expected = betting.Detector(USUAL, 1.0, 0.05)
        for number in range(12):
            expected.add(betting.Audit(number in (1, 7), 0.05))
        assert Breaker.objects.get(action="reply", rule="").evidence == pytest.approx(expected.evidence.tolist())

    def test_reported_while_the_audit_is_open_it_counts_when_it_is_done(self, audited, user):  # noqa: F811
        (row,) = audited(1)
        became(row.decision.interaction, "fraud")
        find_all(user, [row], "right")
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(1, 1)}

    def test_what_was_found_before_two_people_let_it_go_on_is_forgotten(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(4), "right")
        find_all(user, audited(5), "wrong")
        lift()
        find_all(user, audited(1), "right")
        for row in rows:
            became(row.decision.interaction, "chargeback")
        assert set(Breaker.objects.filter(action="reply").values_list("seen", "wrong", "pause")) == {(1, 0, None)}

    def test_what_was_known_before_it_was_decided_is_no_error(self, audited, user, partner):  # noqa: F811
        find_all(user, rows := audited(1), "right")
        case = rows[0].decision.interaction
        at = rows[0].decision.decided_at - timedelta(minutes=1)
        Interaction.objects.filter(pk=case.pk).update(received_at=at - timedelta(days=1))
        became(Interaction.objects.get(pk=case.pk), "chargeback", at=at)
        assert [piece.judged.wrong for piece in self.pieces(partner)] == [False]
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(1, 0)}
        assert breaker.standing_of(Breaker.objects.get(action="reply", rule="")).rate == 0

    def test_a_fraud_is_no_known_answer_and_counts_on_the_desk(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(1), "right")
        became(rows[0].decision.interaction, "fraud")
        with pytest.raises(Refused):
            audits.keep_as_known(factories.ops_manager(), CaseAudit.objects.get(pk=rows[0].pk), "it is clear")
        assert audits.desk_of(user, timezone.now())["wrong"] == 1

    def test_what_was_found_wrong_already_counts_once(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(1), "wrong")
        became(rows[0].decision.interaction, "fraud")
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(1, 1)}

    def test_the_standing_counts_it_too(self, audited, user):  # noqa: F811
        find_all(user, rows := audited(2), "right")
        before = breaker.standing_of(Breaker.objects.get(action="reply", rule="")).rate
        became(rows[0].decision.interaction, "chargeback")
        assert (before, breaker.standing_of(Breaker.objects.get(action="reply", rule="")).rate) == (
            0,
            pytest.approx(0.5),
        )


@pytest.fixture
def decided(arrive, order, partner):
    """So many of the AI's decisions, so many days ago, of which the first were reopened: `decided(40, 10, bad=3)`."""
    from tests.conftest import STATUS

    first = arrive(STATUS, order=order)
    ruling = first.ruling

    def make(count, days, bad=0, person=None):
        at = timezone.now() - timedelta(days=days)
        name = f"{days}-{'person' if person else 'ai'}"
        cases = Interaction.objects.bulk_create(
            Interaction(partner=partner, external_id=f"{name}-{n}", channel="chat", received_at=at)
            for n in range(count)
        )
        how = "approved" if person else "alone"
        DecisionRecord.objects.bulk_create(
            DecisionRecord(partner=partner, interaction=case, ruling=ruling, state="executed", how=how, action="reply",
                           decided_at=at, decided_by=person)
            for case in cases
        )  # fmt: skip
        for case in cases[:bad]:
            became(case, "reopened", at=at + timedelta(days=1))

    return make


class TestAlarm:
    def rows(self, sort="reopened", age=7):
        look = OutcomeLook.objects.get()
        return [row for row, _ in alarm.rows_in_words(look) if (row.sort, row.age) == (sort, age)]

    def test_more_that_come_back_than_before_call_whoever_is_on_duty(self, decided, partner):
        decided(200, 60, bad=4)
        decided(80, 10, bad=20)
        assert alarm.look(timezone.now()) == 1
        notice = Notice.objects.get(kind="outcomes")
        assert notice.text == (
            f"{partner.name}: Order status: 20 of 80 that the AI decided lately came back within 7 days, 4 of 200 before."
        )
        assert notice.partner == partner
        assert not Pause.objects.exists()  # it stops nothing

    def test_as_many_as_before_call_nobody(self, decided):
        decided(200, 60, bad=20)
        decided(80, 10, bad=9)
        assert alarm.look(timezone.now()) == 0
        assert not Notice.objects.filter(kind="outcomes").exists()
        (row,) = self.rows()
        assert (row.late, row.late_of, row.usual, row.usual_of, row.by_people) == (9, 80, 20, 200, False)

    def test_a_case_counts_once_and_a_question_before_it_does_not(self, decided):
        decided(80, 10, bad=9)
        before = timezone.now() - timedelta(days=12)
        for row in DecisionRecord.objects.filter(interaction__external_id__startswith="10-ai"):
            for action in ("ask_customer", "reply"):
                DecisionRecord.objects.create(
                    partner=row.partner, interaction=row.interaction, ruling=row.ruling, state="executed", how="alone",
                    action=action, decided_at=before,
                )  # fmt: skip
        decided(200, 60, bad=20)
        alarm.look(timezone.now())
        (row,) = self.rows()
        assert (row.late, row.late_of) == (9, 80)

    def test_what_has_not_reached_the_age_is_not_compared(self, decided):
        decided(200, 60, bad=4)
        decided(80, 3, bad=20)
        alarm.look(timezone.now())
        assert self.rows() == []

    def test_where_the_ai_is_new_it_is_compared_with_people(self, decided, user):
        decided(120, 60, bad=3, person=user)
        decided(80, 10, bad=20)
        assert alarm.look(timezone.now()) == 1
        (row,) = self.rows()
        assert (row.usual, row.usual_of, row.by_people) == (3, 120, True)

    def test_it_looks_once_a_week(self, decided):
        decided(60, 60, bad=1)
        decided(60, 10, bad=30)
        now = timezone.now()
        assert [alarm.look(now), alarm.look(now)] == [1, 0]
        assert OutcomeLook.objects.count() == 1

    def test_only_scores_are_compared_with_scores(self, decided):
        decided(60, 60)
        decided(40, 10)
        for n, case in enumerate(Interaction.objects.filter(external_id__startswith="10-ai")[:20]):
            became(case, "csat", 1 if n < 5 else 5, at=timezone.now() - timedelta(days=8))
        alarm.look(timezone.now())
        (row,) = self.rows("disliked")
        assert (row.late, row.late_of) == (5, 20)

    def test_the_page_tells_what_was_compared(self, decided):
        decided(200, 60, bad=4)
        decided(80, 10, bad=20)
        alarm.look(timezone.now())
        address = f"/admin/learning/outcomelook/{OutcomeLook.objects.get().pk}/change/"
        told = page(browser(factories.ops_manager()), address)
        assert (
            "20 of 80 that the AI decided lately came back within 7 days, 4 of 200 before</strong> – too much" in told
        )


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_in_steady_years_it_calls_nobody_in_19_of_20(rate):
    """At the null: a year of weekly looks at fresh cohorts, all sorts and ages, in 40 years."""
    import numpy as np

    random = np.random.default_rng(7)
    looks = 52 * len(alarm.SORTS) * len(alarm.AGES)
    called = 0
    for _ in range(40):
        late, usual = random.binomial(100, rate, looks), random.binomial(600, rate, looks)
        called += any(
            alarm.Compared("order_status", "reopened", 7, int(one), 100, int(other), 600, False).alarms
            for one, other in zip(late, usual, strict=True)
        )
    assert called <= 4  # 2 are expected at most; 5 or more have a chance of 5 %


def test_a_doubling_of_what_is_common_is_told():
    """At the alternative: 10 % before, 25 % lately, of 200."""
    row = alarm.Compared("order_status", "reopened", 7, 50, 200, 100, 1000, False)
    assert row.alarms
