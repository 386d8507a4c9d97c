"""What became of cases, and past cases: reported by the brand, or seen here when the customer writes again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.interactions import intake, outcomes
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction, Outcome, PastCase
from apps.policies import audit
from apps.policies.errors import Invalid
from tests.conftest import STATUS, api_client

BOT = audit.system("test")


@pytest.fixture
def case(arrive, order):
    return arrive(STATUS, order=order)


@pytest.fixture
def tell(api, case):
    def post(to=None, **said):
        sent = {"kind": "csat", "score": 5, "at": timezone.now().isoformat(), "reference": "s-1", **said}
        sent = {name: value for name, value in sent.items() if value is not None}
        return (to or api).post(f"/api/v1/interactions/{case.reference}/outcomes/", sent, format="json")

    return post


class TestReported:
    def test_it_is_kept_and_can_be_read(self, tell, api, case):
        assert tell(score=2).status_code == 201
        (found,) = api.get(f"/api/v1/interactions/{case.reference}/outcomes/").json()["results"]
        assert (found["kind"], found["score"], found["reference"]) == ("csat", 2, "s-1")

    def test_the_same_again_changes_nothing_and_another_under_its_reference_is_refused(self, tell, case):
        at = timezone.now().isoformat()
        assert [tell(at=at).status_code, tell(at=at).status_code] == [201, 200]
        answer = tell(at=at, score=1)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["reference"])
        assert case.outcomes.get().score == 5

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"score": None}, "score"),
            ({"score": 6}, "score"),
            ({"kind": "chargeback", "score": 1}, "score"),
            ({"kind": "sold"}, "kind"),
            ({"at": "2001-01-01T00:00:00Z"}, "at"),
            ({"tier": "vip"}, "tier"),
            ({"reference": None}, "reference"),
        ],
    )
    def test_what_is_wrong_is_refused_by_its_field(self, tell, case, said, field):
        answer = tell(**said)
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == [field]
        assert not case.outcomes.exists()

    def test_another_brands_case_is_not_there(self, tell):
        assert tell(api_client(demo_partner("oru", "Oru"))).status_code == 404

    def test_a_key_without_the_scope_may_not(self, tell, partner):
        assert tell(api_client(partner, scopes=["interactions:write"])).status_code == 403

    def test_under_the_id_of_a_merged_message_it_is_on_the_case_that_was_decided(self, tell, case, arrive, order, api):
        second = arrive("Also, will it be here by Friday?", order=order, external_id="second")
        assert (second.state, second.merged_into) == ("merged", case)
        said = {"kind": "csat", "score": 5, "at": timezone.now().isoformat(), "reference": "s-1"}
        assert api.post(f"/api/v1/interactions/{second.reference}/outcomes/", said, format="json").status_code == 201
        assert [row.interaction for row in Outcome.objects.filter(kind="csat")] == [case]

    def test_it_stays_as_it_was_reported(self, tell):
        tell()
        with pytest.raises(DatabaseError), transaction.atomic():
            Outcome.objects.update(score=1)
        with pytest.raises(DatabaseError), transaction.atomic():
            Outcome.objects.all().delete()


class TestSeenHere:
    def write(self, case, days, drain):
        Interaction.objects.filter(pk=case.pk).update(resolved_at=timezone.now() - timedelta(days=days))
        words = intake.Words("customer", "But where is it now?", timezone.now(), timezone.now())
        intake.add_message(Interaction.objects.get(pk=case.pk), words, actor=BOT)
        drain()

    def test_a_customer_who_writes_again_within_a_week_reopens(self, case, drain):
        self.write(case, 2, drain)
        assert [one.kind for one in case.outcomes.all()] == ["reopened"]

    def test_later_it_does_not(self, case, drain):
        self.write(case, 8, drain)
        assert not case.outcomes.exists()

    def test_after_the_end_it_is_charged_to_the_case_that_ended(self, case, drain, partner):
        from apps.interactions import closing

        Interaction.objects.filter(pk=case.pk).update(resolved_at=timezone.now() - timedelta(days=6))
        partner.quiet_days = 5
        partner.save()
        closing.close_quiet()
        assert Interaction.objects.get(pk=case.pk).state == "closed"
        self.write(case, 6, drain)
        assert [one.interaction_id for one in Outcome.objects.all()] == [case.pk]

    def test_one_answer_is_reopened_once(self, case):
        now = timezone.now()
        row = Interaction.objects.get(pk=case.pk)
        outcomes.wrote_again(row, actor=BOT, now=now)
        outcomes.wrote_again(row, actor=BOT, now=now + timedelta(hours=1))
        assert case.outcomes.count() == 1


PAST = {
    "external_id": "old-1", "customer": "c-1", "decided_at": "2026-01-05T10:00:00Z", "case_type": "refund_exception",
    "action": "refund", "amount": {"amount": "84.50", "currency": "USD"}, "facts": {"order.days_past_window": 3}, "at_stake": "90.00",
}  # fmt: skip


class TestHistory:
    def send(self, api, *cases):
        return api.post("/api/v1/history/", {"cases": list(cases)}, format="json")

    def test_a_past_case_is_kept_once(self, api):
        first, again = self.send(api, PAST), self.send(api, PAST)
        assert [one.json()["results"][0]["status"] for one in (first, again)] == [201, 200]
        row = PastCase.objects.get()
        assert (row.action, str(row.amount), row.at_stake, row.facts) == (
            "refund",
            "84.50",
            Decimal("90.00"),
            {"order.days_past_window": 3},
        )

    def test_one_bad_item_spoils_no_other_and_says_what_is_wrong(self, api):
        bad = {**PAST, "external_id": "old-2", "facts": {"order.mood": 1}}
        found = self.send(api, bad, PAST).json()["results"]
        assert [one["status"] for one in found] == [422, 201]
        assert list(found[0]["errors"]) == ["facts.order.mood"]

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"amount": {"amount": "1.00", "currency": "usd"}}, "amount"),
            ({"amount": {"amount": "1.00", "currency": "EUR"}}, "amount"),
            ({"action": "laugh"}, "action"),
            ({"decided_at": None}, "decided_at"),
            ({"mood": 1}, "mood"),
        ],
    )
    def test_what_is_wrong_is_refused_by_its_field(self, api, said, field):
        (found,) = self.send(api, {**PAST, **said}).json()["results"]
        assert (found["status"], list(found["errors"])) == (422, [field])
        assert not PastCase.objects.exists()

    def test_something_else_under_a_known_id_is_refused(self, api):
        self.send(api, PAST)
        (found,) = self.send(api, {**PAST, "action": "deny", "amount": None}).json()["results"]
        assert (found["status"], list(found["errors"])) == (422, ["external_id"])

    def test_no_list_is_refused(self, api):
        assert api.post("/api/v1/history/", {"cases": {}}, format="json").status_code == 422


def test_a_score_belongs_to_what_is_scored(case):
    with pytest.raises(Invalid):
        outcomes.report(case, outcomes.Said("fraud", timezone.now(), "f", 1), actor=BOT, now=timezone.now())
