"""Insights and the handover: numbers that follow from the records, tables as CSV, pictures with their table."""

import csv
import io
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import clocks
from apps.interactions.models import DecisionRecord, Escalation, Interaction
from apps.learning.models import Signal
from apps.policies import pauses
from apps.policies.models import Partner
from apps.reach import breakdowns, charts, handover, insights
from apps.reach.tables import Chosen, share
from tests import factories
from tests.conftest import MISSING, STATUS, browser, page
from tests.deciding import decide, pass_undo_window
from tests.interactions.test_intake import write
from tests.learning.test_refining import pieces


@pytest.fixture
def user(db):
    return factories.senior(first_name="Sam")


@pytest.fixture
def chosen(user):
    return Chosen(user, timezone.localtime() - timedelta(weeks=12))


@pytest.fixture
def week(arrive, order, held, drain, partner):
    """Two cases that the AI resolved, of which one came back; one that a person decided; one that waits."""
    orders = [factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)) for _ in range(3)]
    good, back = arrive(STATUS, order=orders[0]), arrive(STATUS, order=orders[1])
    Interaction.objects.filter(pk=back.pk).update(reopened=1)
    waiting = arrive(MISSING, order=orders[2])
    decide(held)
    pass_undo_window()
    drain()
    return {"good": good, "back": back, "waiting": waiting, "decided": held[1].interaction}


def close(case):
    Interaction.objects.filter(pk=case.pk).update(state="closed", resolved_at=timezone.now())
    return Interaction.objects.get(pk=case.pk)


class TestNumbers:
    def test_resolution_and_durable_resolution(self, week, chosen):
        found = insights.headline(chosen)
        assert (found.cases, found.alone_share, found.durable_share) == (4, 50.0, 25.0)
        assert found.kept_share == 100.0
        (row,) = insights.journey(chosen).rows
        assert row.values == (4, 50.0, 25.0, "so far")

    def test_a_case_that_follows_within_seven_days_takes_durability_away(self, week, chosen):
        Interaction.objects.filter(pk=week["good"].pk).update(state="closed")
        write(Interaction.objects.get(pk=week["good"].pk), "It still has not come, where is my order?")
        assert insights.headline(chosen).durable_share == 0.0

    def test_a_case_that_follows_is_charged_to_the_one_it_came_after(self, week, chosen, drain):
        first = Interaction.objects.get(pk=week["good"].pk)
        write(close(first), "It still has not come, where is my order?")
        drain()
        second = Interaction.objects.get(linked_to=first)
        assert second.handler == "autonomous"
        (row,) = insights.journey(chosen).rows
        assert row.values[2] == share(1, 5), "the second; neither the first nor the one that was reopened"
        third = write(close(second), "And now? Where is it?")
        assert third.linked_to == first
        assert insights.headline(chosen).durable_share == share(0, 6), "nor the second, since the third came after it"

    def test_a_case_that_came_back_after_more_than_seven_days_was_resolved_durably(self, week, chosen):
        first = Interaction.objects.get(pk=week["good"].pk)
        write(close(first), "It still has not come, where is my order?")
        Interaction.objects.filter(pk=first.pk).update(resolved_at=timezone.now() - timedelta(days=8))
        assert insights.headline(chosen).durable_share == share(1, 5)

    def test_what_a_person_asked_about_was_not_resolved_by_the_ai_alone(self, week, chosen):
        case = week["good"]
        decision = case.decisions.get()
        DecisionRecord.objects.create(
            partner=case.partner, interaction=case, ruling=decision.ruling, state="executed", how="approved",
            decided_by=factories.supervisor(), action="ask_customer", decided_at=timezone.now(),
        )  # fmt: skip
        assert insights.headline(chosen).alone_share == share(1, 4)

    def test_a_clock_that_was_missed_counts_before_the_case_is_decided(self, week, chosen):
        waiting = Escalation.objects.waiting()
        waiting.update(due_at=timezone.now() + timedelta(hours=1))
        assert insights.headline(chosen).kept_share == 100.0, "it is in time yet"
        waiting.update(due_at=timezone.now() - timedelta(hours=1))
        assert insights.headline(chosen).kept_share == 50.0
        rows = {row.label: row.values[-1] for row in breakdowns.by_group(chosen, "type").rows}
        assert rows["Delivery dispute"] == 0.0

    def test_a_week_of_the_last_seven_days_is_told_as_unfinished(self, week, chosen):
        (row,) = insights.journey(chosen).rows
        assert row.values[-1] == "so far"
        Interaction.objects.update(created_at=timezone.now() - timedelta(days=21))
        (row,) = insights.journey(chosen).rows
        assert row.values[-1] == ""

    def test_agreement_is_told_apart_by_whether_the_proposal_was_seen(self, week, chosen):
        signal = Signal.objects.get()
        (row,) = insights.agreement(chosen).rows
        assert (row.label, row.values) == ("Refund exception", (0, None, 1, 100.0, None))
        assert signal.proposal_seen

    def test_what_is_drawn_oftener_does_not_hide_what_is_wrong_elsewhere(self, chosen, partner, monkeypatch):
        """Every decision of a grant audited, all right; a twentieth of people's cases judged blind, a fifth wrong."""
        spread = pieces(250, wrong=lambda *_: False)
        judged = [replace(one, judged=replace(one.judged, place=n / 250)) for n, one in enumerate(spread)]
        blind = [replace(one.judged, wrong=n < 10, probability=0.05, least=0.05) for n, one in enumerate(judged[:50])]
        found = [replace(one, judged=made) for one, made in zip(judged, blind, strict=False)] + judged[50:]
        monkeypatch.setattr(insights, "pieces_of", lambda partners, since, until: found)
        (row,) = insights.evidence(chosen).rows
        kept, _, wrong, surely_under, *_ = row.values
        assert (wrong, kept < 75) == (10, True)
        assert surely_under > 16

    def test_money_by_whom(self, week, chosen):
        (row,) = insights.money(chosen).rows
        assert (row.label, row.values) == ("Refund, USD", (1, 0, Decimal("84.50")))

    def test_why_people_decided_otherwise(self, held, drain, chosen):
        decide(held, option=1, reason_code="goodwill", wrong_part="action")
        pass_undo_window()
        drain()
        (row,) = insights.overrides(chosen).rows
        assert (row.label, row.values) == ("Goodwill", ("The action", 1))

    def test_hours_saved_need_a_time_that_was_measured(self, arrive, order, chosen):
        arrive(STATUS, order=order)
        assert insights.headline(chosen).hours_saved is None

    def test_hours_saved_are_cases_times_peoples_median(self, week, chosen):
        took = DecisionRecord.objects.get(decided_by__isnull=False).seconds
        assert insights.headline(chosen).hours_saved == round(2 * took / 3600, 1)

    @pytest.mark.parametrize("group", breakdowns.GROUPS)
    def test_every_breakdown_adds_up(self, week, chosen, group):
        assert sum(row.values[0] for row in breakdowns.by_group(chosen, group).rows) == 4

    def test_filters_and_the_persons_brands_narrow_everything(self, week, chosen, user):
        from dataclasses import replace

        assert insights.headline(replace(chosen, type="delivery_dispute")).cases == 1
        assert insights.headline(replace(chosen, channel="email")).cases == 0
        assert insights.headline(replace(chosen, brand="nobody")).cases == 0
        stranger = Chosen(factories.supervisor(remit={"all_partners": False}), chosen.since)
        assert insights.headline(stranger).cases == 0
        assert breakdowns.backlog(stranger, timezone.localtime()).rows[-1].values == (0,)

    def test_the_backlog_goes_back_through_what_opened_and_closed(self, week, chosen):
        now = timezone.localtime()
        done = Escalation.objects.get(state="done")
        Escalation.objects.filter(pk=done.pk).update(
            opened_at=now - timedelta(hours=5), closed_at=now - timedelta(hours=2)
        )
        rows = {row.label: row.values[0] for row in breakdowns.backlog(chosen, now).rows}
        hour = now.replace(minute=0, second=0, microsecond=0)
        assert rows["now"] == 1
        assert rows[f"{hour - timedelta(hours=3):%a %H:%M}"] == 1
        assert rows[f"{hour - timedelta(hours=8):%a %H:%M}"] == 0

    def test_an_empty_house_divides_by_nothing(self, partner, chosen, user):
        assert insights.headline(chosen).alone_share is None
        assert "No case yet." in page(browser(user), "/insights/")


class TestPage:
    def test_every_picture_has_its_table_and_csv(self, week, user):
        client = browser(user)
        shown = page(client, "/insights/?by=brand")
        named = set(re.findall(r"/insights/(\w+)\.csv", shown))
        assert named > {
            "journey",
            "releases",
            "backlog",
            "agreement",
            "evidence",
            "overrides",
            "exceptions",
            "by_brand",
        }
        for name in named:
            answer = client.get(f"/insights/{name}.csv")
            assert answer["Content-Type"].startswith("text/csv"), name
            assert len(next(csv.reader(io.StringIO(answer.content.decode())))) >= 2, name
        assert "50 %" in shown

    @pytest.mark.parametrize("name", ["by_type", "by_shift"])
    def test_whatever_it_is_broken_down_by_comes_as_csv(self, week, user, name):
        assert browser(user).get(f"/insights/{name}.csv")["Content-Type"].startswith("text/csv")

    def test_no_cell_is_run_by_a_spreadsheet(self, week, user, partner):
        Partner.objects.update(name='=HYPERLINK("x")')
        assert "'=HYPERLINK" in browser(user).get("/insights/by_brand.csv").content.decode()

    def test_a_table_that_there_is_not_is_a_404(self, partner, user):
        assert browser(user).get("/insights/by_mood.csv").status_code == 404


class TestCharts:
    def test_a_line_runs_from_left_to_right_with_a_gap_where_nothing_is_known(self):
        chart = charts.lines(["a", "b", "c"], [[0, None, 100]], top=100)
        assert chart.lines == ("M36.0 176.0M708.0 12.0",)

    def test_one_point_stands_in_the_middle_and_none_draws_nothing(self):
        assert charts.lines(["a"], [[50]], top=100).lines == ("M372.0 94.0",)
        assert charts.lines([], [[]], top=100).lines == ("",)

    def test_bars_are_as_high_as_their_share_of_the_highest(self):
        marks = charts.bars(["a", "b"], [10, 5]).marks
        assert (marks[0].height, marks[1].height) == (164.0, 82.0)
        assert charts.bars(["a"], [0]).marks[0].height == 0.0


class TestHandover:
    def test_it_tells_what_came_was_done_and_waits_in_which_order(self, week, user):
        found = handover.handover_of(user, timezone.now(), hours=12)
        assert (found.came, found.resolved, found.waiting) == (4, 2, 1)
        assert [row.interaction for row in found.first] == [week["waiting"]]
        assert found.moved[0]["all"] == Decimal("84.50")
        assert found.promised[0]["count"] == 1
        shown = page(browser(user), "/handover/?hours=12")
        assert week["waiting"].escalations.get().headline in shown
        assert "84.50" in shown

    def test_what_is_not_as_it_should_be_comes_first(self, week, user):
        Escalation.objects.filter(state="open").update(due_at=timezone.now() - timedelta(minutes=1), harm=5)
        pauses.pause(factories.ops_manager(), "the courier is on strike")
        said = " ".join(text for text, _ in handover.handover_of(user, timezone.now(), hours=12).anomalies)
        assert "1 waiting past their clock" in said
        assert "1 waiting that may hurt somebody" in said
        assert "the courier is on strike" in said

    def test_a_night_with_much_more_than_usual_says_so(self, week, user):
        now = timezone.now()

        def said():
            found = handover.handover_of(user, now + timedelta(seconds=1), hours=24)
            return any("as many as usual" in text for text, _ in found.anomalies)

        template = Interaction.objects.get(pk=week["good"].pk)
        for number in range(7):  # one a day until then, and four today
            template.pk, template.external_id, template.reference = None, f"old-{number}", uuid.uuid4()
            template.save(force_insert=True)
            Interaction.objects.filter(pk=template.pk).update(created_at=now - timedelta(days=2))
        assert said()
        for number in range(21):
            template.pk, template.external_id, template.reference = None, f"older-{number}", uuid.uuid4()
            template.save(force_insert=True)
            Interaction.objects.filter(pk=template.pk).update(created_at=now - timedelta(days=3))
        assert not said()

    def test_the_night_begins_when_people_last_stopped_answering(self):
        brand = Partner(
            name="Lumi", time_zone="UTC", opens_at=time(9), closes_at=time(17), staffed_weekdays=[0, 1, 2, 3, 4]
        )
        tuesday = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
        assert clocks.last_closing(brand, tuesday) == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
        assert clocks.last_closing(brand, tuesday - timedelta(days=1)) == datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
        brand.opens_at = brand.closes_at = time(0)
        assert clocks.last_closing(brand, tuesday) is None

    def test_an_empty_night(self, partner, user):
        shown = page(browser(user), "/handover/")
        assert "Nothing waits." in shown
        assert "No promise is open." in shown


class TestAnchoring:
    def test_the_gap_between_seen_and_unseen_is_told_with_its_error(self):
        assert insights.anchoring(60, 100, 90, 100) == "+30 ± 6"
        assert insights.anchoring(0, 0, 90, 100) is None
        assert insights.anchoring(10, 20, 0, 0) is None
