"""The audit desk: what is drawn, what is hidden until it is judged, what is found, and that nobody audits their own."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from apps.interactions import blind, claiming
from apps.interactions.models import Message
from apps.learning import audits, drawing, tasks
from apps.learning.models import Breaker, CaseAudit, KnownAnswer
from apps.policies.errors import Moved, Refused
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import RETURN, STATUS, browser, page
from tests.reach.test_blind import judged


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


@pytest.fixture
def chance(monkeypatch):
    """What is drawn, by the share that is asked for: `chance(5, 20)` draws audits and doubles."""

    def draws(*percents):
        monkeypatch.setattr(blind, "drawn", lambda percent: percent in percents)

    return draws


@pytest.fixture
def alone(chance, arrive, order, partner):
    """The AI told a customer where an order is, and that is audited."""
    partner.audit_percent = 5
    partner.blind_percent = 0
    partner.save()
    chance(5)
    arrive(STATUS, order=order)
    return CaseAudit.objects.get()


def place_of(row, label):
    return [option["label"] for option in blind.in_fixed_order(row.content)].index(label)


def judge(user, row, label="Tell where it is", **more):
    audits.take_next(user)
    return audits.judge(user, row.pk, place=place_of(row, label), **more)


class TestDrawing:
    def test_the_brands_share_of_what_the_ai_does_alone_is_drawn_with_its_probability(
        self, chance, arrive, order, partner
    ):
        partner.audit_percent = 7
        partner.save()
        chance(7)
        case = arrive(STATUS, order=order)
        row = CaseAudit.objects.get()
        assert (row.kind, row.probability, row.rule) == ("alone", Decimal("0.0700"), case.ruling.rule)
        assert row.decision == case.decisions.get()
        assert row.content["proposal"]["action"] == "reply"

    def test_what_is_not_drawn_and_what_people_decide_leaves_none(self, chance, arrive, order, escalated):
        chance()
        arrive(STATUS, order=factories.OrderFactory(customer=order.customer))
        assert not CaseAudit.objects.exists()

    def test_a_share_of_blind_judgements_is_judged_by_another(self, chance, escalated, user):
        type(escalated).objects.update(blind=True)
        chance(drawing.DOUBLE_PERCENT)
        judgement = judged(user, type(escalated).objects.get())
        row = CaseAudit.objects.get()
        assert (row.kind, row.judgement, row.probability) == ("double", judgement, Decimal("0.2000"))

    def test_what_was_drawn_stays_as_it_was(self, alone):
        for change in ({"probability": Decimal(1)}, {"content": {}}, {"rule": "rule 9"}):
            with pytest.raises(DatabaseError), transaction.atomic():
                CaseAudit.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            CaseAudit.objects.all().delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            CaseAudit.objects.create(
                kind="double", partner=alone.partner, case_type="complaint", content={}, probability=1,
                drawn_at=alone.drawn_at, due_at=alone.due_at,
            )  # fmt: skip


class TestDesk:
    def test_nothing_tells_what_was_done_until_it_is_judged(self, alone, user):
        client = browser(user)
        assert "1 to audit" in page(client, "/audits/")
        client.post("/audits/next/")
        served = [page(client, "/audits/"), client.post("/audits/next/").content.decode()]
        proposal = alone.content["proposal"]
        for html in served:
            assert alone.content["question"] not in html
            assert proposal["reply"].splitlines()[2] not in html
            assert not any(reason in html for reason in proposal["reasons"])
            assert not re.search(r" checked|AI, alone|data-reply", html)
        shown = client.post(
            f"/audits/{alone.pk}/judge/", {"place": place_of(alone, "Tell where it is")}
        ).content.decode()
        assert "The AI, alone" in shown
        assert "as you" in shown
        assert Message.objects.get(author="ai").text.splitlines()[2][:30] in re.sub(r"</?mark>", "", shown)
        after = client.post(f"/audits/{alone.pk}/review/", {"verdict": "right"}).content.decode()
        assert "Nothing to audit" in after
        assert CaseAudit.objects.get().state == "done"

    def test_the_one_that_is_due_first_comes_first_and_is_nobody_elses(self, alone, arrive, order, user):
        arrive(STATUS, order=factories.OrderFactory(customer=order.customer))
        assert audits.take_next(user) == alone
        assert audits.take_next(factories.supervisor()) != alone
        assert audits.take_next(factories.supervisor()) is None
        CaseAudit.objects.filter(pk=alone.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert audits.take_next(factories.supervisor()) == alone, "a lease that lapsed"

    def test_skipping_leaves_it_to_others(self, alone, user):
        audits.take_next(user)
        audits.skip(user, alone.pk)
        assert audits.take_next(user) is None
        assert audits.take_next(factories.supervisor()) == alone

    def test_another_brands_audits_are_not_offered(self, alone):
        assert audits.take_next(factories.supervisor(remit={"all_partners": False})) is None

    def test_nobody_audits_their_own_order(self, alone):
        assert audits.take_next(factories.supervisor(email=alone.decision.interaction.customer.email.upper())) is None

    def test_nobody_judges_again_what_they_judged(self, chance, escalated, user):
        type(escalated).objects.update(blind=True)
        chance(drawing.DOUBLE_PERCENT)
        judged(user, type(escalated).objects.get())
        assert audits.take_next(user) is None
        assert audits.take_next(factories.supervisor()) == CaseAudit.objects.get()

    def test_what_is_not_held_is_not_judged(self, alone, user):
        with pytest.raises(Moved, match="not yours"):
            audits.judge(user, alone.pk, place=0)
        audits.take_next(user)
        with pytest.raises(Moved, match="not yours"):
            audits.review(user, alone.pk, verdict="right")
        with pytest.raises(Refused, match="Choose what"):
            audits.judge(user, alone.pk, place=7)


class TestHidden:
    def test_whoever_may_judge_reads_nothing_of_it_elsewhere(self, alone, user):
        case, client = alone.decision.interaction, browser(user)
        answer = Message.objects.get(author="ai").text.splitlines()[2]
        for address in (f"/cases/{case.reference}/", f"/flow/case/{case.reference}/"):
            shown = page(client, address)
            assert "audited" in shown
            assert answer not in shown
            assert "decided: reply" not in shown
        assert client.get(f"/admin/learning/caseaudit/{alone.pk}/change/").status_code in (302, 403)
        assert answer in page(browser(factories.ops_manager()), f"/cases/{case.reference}/"), (
            "who judges nothing reads it"
        )
        judge(user, alone)
        assert answer in page(client, f"/cases/{case.reference}/")

    def test_a_known_answer_that_is_skipped_is_not_asked_again_and_not_overdue(self, alone, user, chance):
        judge(user, alone)
        row = audits.review(user, alone.pk, verdict="right")
        audits.keep_as_known(factories.ops_manager(), row, "The scan says so.")
        ines = factories.supervisor()
        chance(audits.KNOWN_PERCENT)
        audits.skip(ines, audits.take_next(ines).pk)
        assert audits.take_next(ines) is None
        CaseAudit.objects.filter(kind="known").update(due_at=timezone.now() - timedelta(days=1))
        tasks.sweep()
        assert audits.desk_of(ines, timezone.now())["overdue"] == 0


class TestFinding:
    def test_the_same_answer_agrees_and_another_does_not(self, alone, user):
        assert judge(user, alone).agreed is True

    def test_another_answer_can_be_right_all_the_same(self, alone, user):
        row = judge(user, alone, "Ask which order", rationale="not clear to me")
        assert (row.agreed, row.action, row.state) == (False, "ask_customer", "judged")
        assert audits.review(user, alone.pk, verdict="right").state == "done"

    @pytest.mark.parametrize(
        ("said", "refusal"),
        [({"verdict": ""}, "whether what the AI did was right"), ({"verdict": "wrong"}, "what was wrong"),
         ({"verdict": "wrong", "wrong_part": "mood"}, "what was wrong")],
    )  # fmt: skip
    def test_a_verdict_is_whole(self, alone, user, said, refusal):
        judge(user, alone)
        with pytest.raises(Refused, match=refusal):
            audits.review(user, alone.pk, **said)

    def test_what_was_wrong_is_kept_and_stays(self, alone, user):
        judge(user, alone)
        row = audits.review(
            user, alone.pk, verdict="wrong", wrong_part="wording", words="It says on its way, and it is here."
        )
        assert (row.verdict, row.wrong_part) == ("wrong", "wording")
        assert audits.desk_of(user, timezone.now())["wrong"] == 1
        with pytest.raises(DatabaseError), transaction.atomic():
            CaseAudit.objects.update(verdict="right")
        assert [entry.event for entry in AuditEntry.objects.filter(subject_type="learning.caseaudit")][::-1] == [
            "judge",
            "review",
        ]

    @pytest.mark.parametrize(("amount", "agreed"), [("84.50", True), ("81.00", True), ("60.00", False)])
    def test_an_amount_that_is_off_by_little_is_no_difference(self, chance, escalated, user, amount, agreed):
        type(escalated).objects.update(blind=True)
        chance(drawing.DOUBLE_PERCENT)
        judged(user, type(escalated).objects.get(), "Refund in full")
        row = judge(factories.supervisor(), CaseAudit.objects.get(), "Refund in full", amount=amount)
        assert row.agreed == agreed

    def test_two_who_differ_are_counted(self, chance, escalated, user):
        type(escalated).objects.update(blind=True)
        chance(drawing.DOUBLE_PERCENT)
        judged(user, type(escalated).objects.get(), "Store credit")
        other = factories.supervisor()
        row = judge(other, CaseAudit.objects.get(), "Refund in full")
        assert (row.state, row.agreed) == ("done", False)
        assert {k: audits.desk_of(other, timezone.now())[k] for k in ("by_two", "differing")} == {
            "by_two": 1,
            "differing": 1,
        }

    def test_who_would_have_done_otherwise_and_never_said_more_found_it_wrong(self, alone, user):
        judge(user, alone, "Ask which order")
        past = timezone.now() - timedelta(minutes=1)
        CaseAudit.objects.update(due_at=past)
        tasks.sweep()
        assert CaseAudit.objects.get(pk=alone.pk).state == "judged", "they are at it"
        CaseAudit.objects.update(lease_until=past)
        tasks.sweep()
        row = CaseAudit.objects.get(pk=alone.pk)
        assert (row.state, row.verdict, row.wrong_part) == ("done", "wrong", "action")
        assert set(Breaker.objects.values_list("seen", "wrong")) == {(1, 1)}

    def test_what_is_judged_alike_and_never_reviewed_is_overdue(self, alone, user):
        judge(user, alone)
        past = timezone.now() - timedelta(minutes=1)
        CaseAudit.objects.update(due_at=past, lease_until=past)
        tasks.sweep()
        assert CaseAudit.objects.get(pk=alone.pk).state == "expired"
        assert audits.held_by(user) is None
        assert not Breaker.objects.exists()

    def test_what_nobody_judges_in_time_expires_and_stays_counted(self, alone, user):
        CaseAudit.objects.update(due_at=timezone.now() - timedelta(hours=1))
        audits.take_next(user)
        tasks.sweep()
        assert CaseAudit.objects.get().state == "open", "somebody is at it"
        CaseAudit.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
        tasks.sweep()
        assert CaseAudit.objects.get().state == "expired"
        assert audits.desk_of(user, timezone.now())["overdue"] == 1


class TestKnownAnswers:
    @pytest.fixture
    def known(self, alone, user):
        judge(user, alone)
        row = audits.review(user, alone.pk, verdict="right")
        return audits.keep_as_known(factories.ops_manager(), row, "The courier's scan says so.")

    def test_it_is_mixed_in_looks_like_any_other_and_is_judged_once(self, known, chance):
        ines = factories.supervisor()
        chance(audits.KNOWN_PERCENT)
        row = audits.take_next(ines)
        assert (row.kind, row.answer) == ("known", known)
        assert "nown answer" not in page(browser(ines), "/audits/")
        audits.judge(ines, row.pk, place=place_of(row, "Ask which order"))
        assert audits.vigilance_of(ines) == audits.Vigilance(right=0, judged=1)
        shown = page(browser(ines), "/audits/")
        assert "0 of 1" in shown
        assert audits.take_next(ines) is None, "once a person"

    def test_who_judged_it_or_made_it_known_is_not_asked(self, known, chance):
        chance(audits.KNOWN_PERCENT)
        assert audits.take_next(known.made_by) is None
        assert audits.take_next(known.judged_by) is None

    def test_it_needs_a_settled_audit_and_a_why(self, alone, user):
        manager = factories.ops_manager()
        with pytest.raises(Refused, match="done and was answered alike"):
            audits.keep_as_known(manager, alone, "because")
        judge(user, alone)
        row = audits.review(user, alone.pk, verdict="right")
        with pytest.raises(Refused, match="what makes it"):
            audits.keep_as_known(manager, row, " ")

    def test_ops_managers_keep_them_in_the_admin(self, alone, user):
        judge(user, alone)
        audits.review(user, alone.pk, verdict="right")
        client = browser(factories.ops_manager())
        data = {"action": "keep_as_known", "_selected_action": [alone.pk], "why": "The scan says so."}
        answer = client.post("/admin/learning/caseaudit/", data, follow=True)
        assert "1 kept as known answers" in answer.content.decode()
        assert KnownAnswer.objects.get().why == "The scan says so."


def test_an_amount_where_the_ai_gave_none_is_another_answer(chance, partner, customer, user, arrive):
    partner.audit_percent = 5
    partner.save()
    chance(5)
    order = factories.OrderFactory(customer=customer)
    arrive(RETURN, order=order)
    row = CaseAudit.objects.get()
    assert audits.compared_with(row) == ("return_label", None)
    audits.take_next(user)
    with pytest.raises(Refused, match="Amount"):
        audits.judge(user, row.pk, place=place_of(row, "Refund"), amount="many")
    held = audits.judge(user, row.pk, place=place_of(row, "Refund"), amount="12.50")
    assert (held.agreed, held.amount) == (False, Decimal("12.50"))
    assert claiming.take_next(user) is None
