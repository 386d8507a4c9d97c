"""Evidence: what counts, as what, and what never does."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from apps.interactions import claiming, deciding, precedents, submitting
from apps.interactions.models import Escalation
from apps.learning import audits, disagreement, drawing, evidence
from apps.learning.models import Breaker, CaseAudit, Signal
from apps.policies import audit, pauses
from apps.policies.errors import Invalid
from apps.policies.models import Ruling
from apps.reach import insights
from apps.reach.tables import Chosen
from tests import factories
from tests.conftest import MISSING, STATUS
from tests.deciding import decide, pass_undo_window
from tests.learning.test_audits import chance, judge  # noqa: F401
from tests.learning.test_breaker import audited, find_all  # noqa: F401
from tests.reach.test_blind import judged


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


def pieces(partner):
    now = timezone.now()
    return evidence.pieces_of([partner], now - timedelta(days=1), now + timedelta(minutes=1))


def gone(ruling):
    raise Invalid({"facts": ["There is no such value."]})


class TestDiffers:
    @pytest.mark.parametrize(
        ("action", "amount", "says"),
        [
            ("refund", "84.50", ""),
            ("refund", "81.00", ""),
            ("refund", "80.00", "amount"),
            ("refund", None, "amount"),
            ("store_credit", "84.50", "action"),
        ],
    )
    def test_another_action_or_an_amount_that_is_off_by_more_than_the_tolerance(self, action, amount, says):
        given = Decimal(amount) if amount else None
        assert disagreement.differs(action, given, "refund", Decimal("84.50")) == says

    def test_without_an_amount_on_either_side_it_is_the_same_option_of_an_action(self):
        assert disagreement.differs("deny", None, "deny", None) == ""
        assert disagreement.differs("reply", None, "reply", None, option="from a", proposed_option="from a") == ""
        assert (
            disagreement.differs("reply", None, "reply", None, option="from b", proposed_option="from a") == "wording"
        )

    def test_a_reply_is_another_from_a_quarter_of_its_words_on(self):
        assert not disagreement.is_rewritten(5, "word " * 20)
        assert disagreement.is_rewritten(6, "word " * 20)


class TestOptions:
    """Of several replies another one is another answer, whatever somebody says once they see what was proposed."""

    @pytest.fixture
    def asked(self, arrive, partner):
        for slug, body in (("gifts", "We wrap gifts in paper, and add a card with your words for free."),
                           ("gift-cards", "Gift cards and gift wrap: a gift card comes by mail, wrap is added for free.")):  # fmt: skip
            said = {"title": slug, "published": True, "body": body}
            submitting.submit_article(partner, slug, said, actor=audit.system("test"))
        case = arrive("Do you wrap gifts, and can I add a card? What does gift wrap cost?")
        assert [option["label"] for option in case.packets.get().content["options"]][:2] == [
            "Answer from “gifts”", "Answer from “gift-cards”",
        ]  # fmt: skip
        Escalation.objects.update(blind=True)
        return case.escalations.get()

    @pytest.mark.parametrize(("label", "wrong"), [("Answer from “gifts”", False), ("Answer from “gift-cards”", True)])
    def test_judged_blind(self, asked, user, partner, drain, label, wrong):
        judged(user, asked, label)
        decide((user, Escalation.objects.get(pk=asked.pk)))
        pass_undo_window()
        drain()
        (piece,) = pieces(partner)
        assert (piece.case_type, piece.judged.wrong) == ("question", wrong)
        assert Signal.objects.get().agreed is not wrong

    @pytest.mark.parametrize(("label", "agreed"), [("Answer from “gifts”", True), ("Answer from “gift-cards”", False)])
    def test_judged_by_two(self, asked, user, chance, label, agreed):  # noqa: F811
        chance(drawing.DOUBLE_PERCENT)
        judged(factories.supervisor(), asked, "Answer from “gifts”")
        (row,) = CaseAudit.objects.all()
        assert judge(user, row, label).agreed is agreed

    def test_audited(self, asked, user):
        """What the AI said alone, and an auditor would have said from elsewhere."""
        content = asked.interaction.packets.get().content
        done = SimpleNamespace(action="reply", amount=None)
        row = SimpleNamespace(kind="alone", decision=done, judgement=None, content=content, action="reply", amount=None)
        row.label = content["options"][0]["label"]
        assert audits._difference(row) == ""
        row.label = content["options"][1]["label"]
        assert audits._difference(row) == "wording"


class TestPieces:
    def test_a_blind_judgement_is_evidence_of_what_was_proposed(self, escalated, user, partner):
        type(escalated).objects.update(blind=True)
        judged(user, Escalation.objects.get())
        (piece,) = pieces(partner)
        assert (piece.how, piece.case_type, piece.action) == ("blind", "refund_exception", "refund")
        assert (piece.judged.by, piece.judged.money) == (str(user.pk), Decimal("84.50"))
        assert piece.judged.customer == str(escalated.interaction.customer_id)

    @pytest.mark.parametrize(
        ("code", "passes"), [("gate", True), ("stage", True), ("confidence", False), ("alarm press", False)]
    )
    def test_whether_a_check_of_the_case_keeps_it_from_the_ai_is_kept(self, escalated, user, partner, code, passes):
        type(escalated).objects.update(blind=True)
        judged(user, Escalation.objects.get())
        said = [{"question": "earned", "code": one, "reason": "", "handler": "human"} for one in ("gate", code)]
        with connection.cursor() as cursor:  # rulings do not change
            cursor.execute("SET LOCAL session_replication_role = replica")
            Ruling.objects.update(downgrades=said)
            cursor.execute("SET LOCAL session_replication_role = origin")
        assert pieces(partner)[0].passes == passes

    @pytest.mark.parametrize(
        ("reply", "wrong"), [("", False), ("Dear customer, this is what we have to say instead.", True)]
    )
    def test_a_reply_that_is_rewritten_after_a_blind_judgement_was_wrong(
        self, escalated, user, partner, drain, reply, wrong
    ):
        type(escalated).objects.update(blind=True)
        judged(user, Escalation.objects.get(), "Refund in full")
        more = {"reply": reply, "wrong_part": "wording"} if reply else {}
        decide((user, Escalation.objects.get()), **more)
        pass_undo_window()
        drain()
        (piece,) = pieces(partner)
        assert (piece.how, piece.judged.wrong) == ("blind", wrong)

    @pytest.mark.parametrize(("least", "passes"), [(0.25, True), (None, False)])
    def test_one_that_came_to_people_before_certifies_nothing(self, escalated, user, partner, least, passes):
        type(escalated).objects.update(blind=True, blind_chance=0.5, blind_least=least)
        judged(user, Escalation.objects.get())
        assert [one.passes for one in pieces(partner)] == [passes]

    @pytest.mark.parametrize(
        ("then", "wrong"),
        [({}, False), ({"amount": "82.00"}, False), ({"amount": "60.00"}, True), ({"option": "Store credit"}, True),
         ({"question": "A photo, please?"}, True), ({"dismissed": "sent to the wrong shop"}, True)],
    )  # fmt: skip
    def test_what_is_decided_otherwise_once_it_is_seen_was_wrong(self, escalated, user, partner, drain, then, wrong):
        type(escalated).objects.update(blind=True)
        judged(user, Escalation.objects.get(), "Refund in full")
        held = Escalation.objects.get()
        options = [one["label"] for one in held.interaction.packets.get(state="ready").content["options"]]
        if "option" in then:
            then = {
                "option": options.index(then["option"]),
                "reason_code": "other",
                "rationale": "No.",
                "wrong_part": "action",
            }
        if "dismissed" in then:
            deciding.dismiss(user, held.pk, held.lease_token, then["dismissed"])
        else:
            decide((user, held), **then)
        pass_undo_window()
        drain()
        assert [(one.how, one.judged.wrong) for one in pieces(partner)] == [("blind", wrong)]

    def test_who_asks_as_the_ai_would_after_judging_finds_nothing_wrong(self, arrive, user, partner):
        arrive(MISSING)
        Escalation.objects.update(blind=True)
        row = Escalation.objects.get()
        judged(user, row, "Ask which order")
        decide((user, Escalation.objects.get()), question="Which order is it, please?")
        assert [one.judged.wrong for one in pieces(partner)] == [False]

    def test_who_asks_the_customer_before_judging_would_have_done_otherwise(self, escalated, user, partner):
        type(escalated).objects.update(blind=True, blind_chance=0.5, blind_least=0.25)
        decision = decide((user, claiming.claim(user, escalated.pk)), question="A photo, please?")
        (piece,) = pieces(partner)
        assert (piece.how, piece.action, piece.judged.by, piece.judged.wrong) == ("blind", "refund", str(user.pk), True)
        assert (piece.judged.probability, piece.judged.least) == (0.5, 0.25)
        deciding.undo(user, decision.pk)
        assert pieces(partner) == [], "taken back"

    def test_who_asks_where_the_ai_would_ask_would_have_done_the_same(self, arrive, user, partner):
        arrive(MISSING)
        Escalation.objects.update(blind=True)
        row = Escalation.objects.get()
        assert row.interaction.ruling.action == "ask_customer"
        decide((user, claiming.claim(user, row.pk)), question="Which order is it?")
        assert [one.judged.wrong for one in pieces(partner)] == [False]

    def test_who_ends_a_case_without_an_answer_would_have_done_otherwise(self, escalated, user, partner):
        type(escalated).objects.update(blind=True)
        held = claiming.claim(user, escalated.pk)
        deciding.dismiss(user, held.pk, held.lease_token, "sent to the wrong shop")
        assert [(one.how, one.judged.wrong, one.judged.by) for one in pieces(partner)] == [
            ("blind", True, str(user.pk))
        ]

    def test_who_asks_or_ends_a_case_that_is_not_blind_tells_nothing(self, escalated, user, partner):
        held = claiming.claim(user, escalated.pk)
        deciding.undo(user, decide((user, held), question="A photo, please?").pk)
        held = Escalation.objects.get()
        deciding.dismiss(user, held.pk, held.lease_token, "sent to the wrong shop")
        assert pieces(partner) == []

    def test_who_would_have_done_otherwise_unseen_found_it_wrong(self, audited, user, partner):  # noqa: F811
        (row,) = audited(1)
        judge(user, row, "Ask which order")
        audits.review(user, row.pk, verdict="right")
        assert [one.judged.wrong for one in pieces(partner)] == [True]
        assert Breaker.objects.get(partner=None, case_type="").wrong == 1
        numbers = audits.desk_of(user, timezone.now())
        assert (numbers["wrong"], numbers["as_good"]) == (1, 1)

    def test_an_audit_is_evidence_by_its_verdict(self, audited, user, partner):  # noqa: F811
        find_all(user, audited(1), "wrong")
        (piece,) = pieces(partner)
        assert (piece.how, piece.case_type, piece.action, piece.judged.wrong) == (
            "audit",
            "order_status",
            "reply",
            True,
        )

    def test_what_was_decided_with_the_proposal_in_view_is_none(self, held, drain, partner):
        decide(held)
        pass_undo_window()
        drain()
        assert pieces(partner) == []

    def test_all_are_read_at_once(self, audited, user, escalated, partner, django_assert_num_queries):  # noqa: F811
        type(escalated).objects.update(blind=True)
        judged(user, Escalation.objects.get())
        find_all(user, audited(3), "right")
        with django_assert_num_queries(5):  # what was regretted, judged blind, asked, dismissed, audited
            assert len(pieces(partner)) == 4

    def test_what_a_check_left_to_people_was_not_granted(self, arrive, order, user, partner):
        """The gate allowed it and a pause did not: what people make of it says nothing of what the AI does alone."""
        pauses.pause(factories.ops_manager(), "a look at it", partner=partner)
        case = arrive(STATUS, order=order)
        assert case.ruling.gate_handler == "autonomous"
        Escalation.objects.update(blind=True)
        judged(user, Escalation.objects.get(), "Tell where it is")
        (piece,) = pieces(partner)
        assert not piece.granted

    def test_a_case_whose_facts_say_what_there_is_no_more_is_left_out(self, audited, user, partner, monkeypatch):  # noqa: F811
        find_all(user, audited(1), "right")
        assert len(pieces(partner)) == 1
        monkeypatch.setattr(precedents, "facts_of", gone)
        assert pieces(partner) == []

    def test_another_brands_is_not_read(self, audited, user):  # noqa: F811
        from apps.interactions.demo import demo_partner

        find_all(user, audited(1), "right")
        assert pieces(demo_partner("other", "Other")) == []


class TestInsights:
    def test_what_the_evidence_says_is_told_with_how_much_more_it_takes(self, audited, user):  # noqa: F811
        rows = audited(4)
        find_all(user, rows[:3], "right")
        chosen = Chosen(factories.senior(), timezone.localtime() - timedelta(weeks=1))
        (row,) = insights.evidence(chosen).rows
        assert row.values[:4] == (3, 0, 0, 100.0), "one person by themselves proves nothing"
        find_all(factories.supervisor(), rows[3:], "right")
        (row,) = insights.evidence(chosen).rows
        assert (row.label, row.values) == ("Order status: reply", (4, 2, 0, 77.6, 2.0, 147))

    def test_it_is_narrowed_like_everything_else(self, audited, user):  # noqa: F811
        find_all(user, audited(1), "right")
        since = timezone.localtime() - timedelta(weeks=1)
        for narrowed in ({"type": "question"}, {"channel": "email"}, {"brand": "nobody"}):
            assert insights.evidence(Chosen(factories.senior(), since, **narrowed)).rows == ()
