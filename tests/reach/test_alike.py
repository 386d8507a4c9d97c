"""Many alike: what is grouped, that some are read first, and that each is decided and checked by itself."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import alike, claiming
from apps.interactions.choosing import Choice
from apps.interactions.models import DecisionRecord, Escalation, Precedent
from apps.learning.models import Signal
from apps.policies.errors import Refused
from tests import factories
from tests.conftest import MISSING, RETURN, browser, page
from tests.deciding import pass_undo_window
from tests.interactions.test_intake import write

PLAIN = Choice(0, None)


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam", remit={"amount_per_day": Decimal("5000.00")})


@pytest.fixture
def late(arrive, partner):
    """A refund 17 days past the window, of a customer of its own."""

    def send(text=RETURN, **fields):
        order = factories.OrderFactory(
            customer=factories.CustomerFactory(partner=partner, tier=fields.pop("tier", "silver")),
            days_ago=47,
            **fields,
        )
        return arrive(text, order=order).escalations.get()

    return send


@pytest.fixture
def four(late):
    return [late() for _ in range(4)]


def versions(rows):
    return {row.pk: row.interaction.packets.get(state="ready").version for row in rows}


def decide_all(user, rows, label="Refund in full", read=None, choice=PLAIN):
    """The first three were drawn."""
    drawn = [row.pk for row in rows[:3]]
    read = drawn if read is None else read
    return alike.decide_all(user, rows[0], versions(rows), label, drawn=drawn, read=read, choice=choice)


def members(user, escalation):
    return {one.escalation.pk for one in alike.group_of(user, escalation)}


class TestGrouping:
    def test_cases_of_the_same_question_are_one_group_whatever_their_words(self, four, late, user):
        other_words = late("Please give me my money back for this order, I would like to return it.")
        assert members(user, four[0]) == {row.pk for row in [*four, other_words]}

    @pytest.mark.parametrize(
        "other",
        [
            {"total": Decimal("310.00")},
            {"tier": "vip"},
            {"text": f"{RETURN} My lawyer will hear of this."},
            {"status": "shipped"},
        ],
    )
    def test_what_differs_in_a_fact_that_tells_or_in_an_alarm_is_in_no_group_with_them(self, four, late, user, other):
        assert late(**other).pk not in members(user, four[0])

    def test_a_blind_case_is_judged_by_itself(self, four, user):
        Escalation.objects.filter(pk=four[1].pk).update(blind=True)
        assert four[1].pk not in members(user, four[0])
        assert members(user, Escalation.objects.get(pk=four[1].pk)) == set()

    def test_what_others_hold_or_what_is_not_ones_own_to_decide_is_left_out(self, four, user):
        claiming.claim(factories.supervisor(), four[1].pk)
        Escalation.objects.filter(pk=four[2].pk).update(seniority="senior")
        assert members(user, four[0]) == {four[0].pk, four[3].pk}

    def test_the_queue_and_the_brief_say_how_many(self, four, user):
        client = browser(user)
        assert page(client, "/reach/list/").count("4 alike") == 4
        client.post("/reach/next/")
        held = Escalation.objects.get(state="claimed")
        assert "4 alike" in page(client, f"/reach/{held.pk}/")
        assert "3 alike" in page(client, "/reach/list/")


class TestDeciding:
    def test_each_keeps_its_own_record_packet_and_amount(self, four, user, drain):
        outcome = decide_all(user, four)
        assert outcome.left_out == []
        records = DecisionRecord.objects.all()
        assert len(records) == 4
        assert len({record.joint for record in records}) == 1
        assert {record.packet.interaction_id for record in records} == {row.interaction_id for row in four}
        assert {(record.how, record.action, record.amount, record.seconds) for record in records} == {
            ("approved", "refund", Decimal("84.50"), None)
        }
        assert all(record.interaction.order.number in record.reply for record in records)
        pass_undo_window()
        drain()
        assert Signal.objects.filter(decision__joint=records[0].joint).count() == 4

    def test_some_are_read_first(self, four, user):
        for read in (
            [],
            [four[0].pk],
            [four[0].pk, four[1].pk],
            [four[0].pk] * 3,
            [four[1].pk, four[2].pk, four[3].pk],
        ):
            with pytest.raises(Refused, match="Read the 3 cases"):
                decide_all(user, four, read=read)
        with pytest.raises(Refused, match="cases that were drawn"):
            alike.decide_all(
                user, four[0], versions(four), "Refund in full", drawn=[], read=[row.pk for row in four], choice=PLAIN
            )
        assert not DecisionRecord.objects.exists()
        assert len(decide_all(user, four, read=[row.pk for row in four[:3]]).decided) == 4

    def test_what_is_not_alike_or_of_another_brand_is_not_even_looked_at(self, four, late, user):
        other = late(total=Decimal("310.00"))
        outcome = alike.decide_all(
            user,
            four[0],
            versions([*four, other]),
            "Refund in full",
            drawn=[four[0].pk],
            read=[four[0].pk],
            choice=PLAIN,
        )
        assert (len(outcome.decided), outcome.left_out) == (4, [])
        stranger = factories.supervisor(remit={"all_partners": False})
        seen = versions([other])
        outcome = alike.decide_all(
            stranger, other, seen, "Refund in full", drawn=[other.pk], read=[other.pk], choice=PLAIN
        )
        assert (outcome.decided, outcome.left_out) == ([], [])

    def test_many_by_one_act_are_one_precedent(self, four, user, drain):
        decide_all(user, four)
        pass_undo_window()
        drain()
        assert Precedent.objects.count() == 1

    def test_a_group_of_two_is_read_whole(self, four, user):
        with pytest.raises(Refused, match="Read the 2 cases"):
            decide_all(user, four[:2], read=[four[0].pk])

    def test_those_that_changed_are_left_out_and_it_is_said_why(self, four, user, drain):
        seen = versions(four)
        write(four[1].interaction, "Wait, I found the receipt, it was a present.")
        claiming.claim(factories.supervisor(first_name="Ines", last_name=""), four[2].pk)
        outcome = alike.decide_all(
            user, four[0], seen, "Refund in full", drawn=list(seen), read=list(seen), choice=PLAIN
        )
        assert {record.escalation_id for record in outcome.decided} == {four[0].pk, four[3].pk}
        said = {row.pk: why for row, why in outcome.left_out}
        assert set(said) == {four[1].pk, four[2].pk}
        assert "Ines already holds" in said[four[2].pk]
        assert Escalation.objects.filter(pk=four[2].pk, state="claimed").exists(), "theirs still"

    def test_a_stale_packet_is_left_out(self, four, user, drain):
        seen = versions(four)
        write(four[1].interaction, "Hello?")
        drain()
        again = Escalation.objects.get(interaction=four[1].interaction, state="open")
        seen = {again.pk if pk == four[1].pk else pk: version for pk, version in seen.items()}
        outcome = alike.decide_all(
            user, four[0], seen, "Refund in full", drawn=list(seen), read=list(seen), choice=PLAIN
        )
        assert [(row.pk, "newer" in why) for row, why in outcome.left_out] == [(again.pk, True)]
        assert Escalation.objects.get(pk=again.pk).state == "open", "and is held by nobody"

    def test_what_is_over_ones_remit_is_decided_by_itself(self, four):
        user = factories.supervisor(remit={"amount_per_day": Decimal("200.00")})
        outcome = decide_all(user, four)
        assert len(outcome.decided) == 2
        assert all("A second person has to agree" in why for _, why in outcome.left_out)
        assert set(DecisionRecord.objects.values_list("state", flat=True)) == {"decided"}

    def test_another_option_needs_its_reasons_for_each(self, four, user):
        outcome = decide_all(user, four, "Store credit")
        assert outcome.decided == []
        assert all("choose a reason" in why for _, why in outcome.left_out)
        reasons = Choice(0, None, reason_code="goodwill", wrong_part="action")
        assert len(decide_all(user, four, "Store credit", choice=reasons).decided) == 4

    def test_an_option_that_a_case_does_not_have_leaves_it_out(self, four, user):
        assert [why for _, why in decide_all(user, four, "Send flowers").left_out] == [
            "It has no such option: it differs from the others."
        ] * 4

    def test_all_of_it_can_be_taken_back(self, four, user):
        joint = decide_all(user, four).decided[0].joint
        DecisionRecord.objects.filter(escalation=four[0]).update(commit_at=timezone.now() - timedelta(seconds=1))
        assert alike.undo_all(factories.supervisor(), joint) == 0, "not by another"
        assert alike.undo_all(user, joint) == 4
        assert set(DecisionRecord.objects.values_list("state", flat=True)) == {"withdrawn"}
        assert Escalation.objects.filter(state="open").count() == 4


class TestPage:
    def test_a_supervisor_reads_three_and_decides_all(self, four, user):
        client = browser(user)
        shown = page(client, f"/reach/{four[0].pk}/alike/")
        assert "4 cases ask the same" in shown
        read = re.findall(r'name="read" value="(\d+)"', shown)
        cases = re.findall(r'name="case" value="(\d+:\d+)"', shown)
        drawn = re.search(r'name="drawn" value="([^"]+)"', shown)[1]
        assert (len(read), len(cases)) == (3, 4)
        address = f"/reach/{four[0].pk}/alike/decide/"
        assert client.post(address, {"case": cases, "label": "Refund in full", "drawn": drawn}).status_code == 409
        assert "Choose what to do" in client.post(address, {"case": cases, "read": read}).content.decode()
        done = client.post(
            address, {"case": cases, "read": read, "drawn": drawn, "label": "Refund in full"}
        ).content.decode()
        assert "4 decided" in done
        joint = DecisionRecord.objects.first().joint
        client.post(f"/reach/alike/{joint}/undo/")
        assert Escalation.objects.filter(state="open").count() == 4

    def test_what_was_left_out_is_named(self, four, user):
        client = browser(user)
        drawn = re.search(r'name="drawn" value="([^"]+)"', page(client, f"/reach/{four[0].pk}/alike/"))[1]
        seen = [f"{pk}:{version}" for pk, version in versions(four).items()]
        claiming.claim(factories.supervisor(first_name="Ines"), four[2].pk)
        done = client.post(
            f"/reach/{four[0].pk}/alike/decide/",
            {"case": seen, "read": [row.pk for row in four], "drawn": drawn, "label": "Refund in full"},
        ).content.decode()
        assert "3 decided, 1 left out" in done
        assert "already holds this case" in done

    @pytest.mark.parametrize("case", [["x"], ["1"], ["1:x"], ["²:1"], []])
    def test_a_broken_form_decides_nothing(self, four, user, case):
        data = {"case": case, "read": [row.pk for row in four], "label": "Refund in full"}
        assert browser(user).post(f"/reach/{four[0].pk}/alike/decide/", data).status_code == 409
        assert not DecisionRecord.objects.exists()

    def test_a_group_without_amounts_has_a_page_too(self, arrive, partner, user):
        rows = [
            arrive(
                MISSING, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=partner))
            ).escalations.get()
            for _ in range(2)
        ]
        assert rows[0].interaction.packets.get().content["proposal"]["amount"] is None
        assert "2 cases ask the same" in page(browser(user), f"/reach/{rows[0].pk}/alike/")

    def test_a_case_that_is_like_no_other_says_so(self, four, late, user):
        single = late(total=Decimal("310.00"))
        assert "No other case asks the same" in page(browser(user), f"/reach/{single.pk}/alike/")
