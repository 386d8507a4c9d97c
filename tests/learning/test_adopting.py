"""Adopting a retrained reader: by two people, and back by one click."""

import html
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import notifying, reading_models, reclassifying, recording
from apps.interactions.models import Notice, ReadingModel
from apps.interactions.reading_models import Reader
from apps.learning import retraining, shadow_reading
from apps.policies import editing, releases
from apps.policies.errors import Invalid, Moved, Refused
from apps.policies.models import Ramp, Rule
from tests import factories
from tests.conftest import STATUS, browser, page
from tests.interactions.test_reclassify import Reads
from tests.learning.labelled import NOW


def two_adopt(one, other, row):
    assert retraining.adopt(one, row.pk).state == "challenger"
    return retraining.adopt(other, row.pk)


class TestAdopt:
    def test_it_reads_from_then_on_and_every_ruling_names_it(self, challenger, ops, other, arrive, order):
        two_adopt(ops, other, challenger)
        case = arrive(STATUS, order=order)
        assert case.ruling.made_with["classifier"] == challenger.version

    def test_one_person_makes_nothing_read(self, challenger, ops):
        for _ in range(2):
            assert retraining.adopt(ops, challenger.pk).state == "challenger"

    def test_it_takes_people_who_answer_for_all_brands(self, challenger, ops):
        local = factories.ops_manager(remit={"all_partners": False})
        for act in (lambda: retraining.adopt(local, challenger.pk), lambda: retraining.go_back(local)):
            with pytest.raises(Refused, match="all of them"):
                act()

    def test_one_click_goes_back(self, challenger, ops, other, arrive, order):
        two_adopt(ops, other, challenger)
        assert retraining.go_back(ops) is None
        case = arrive(STATUS, order=order)
        assert case.ruling.made_with["classifier"] == reading_models.shipped().version
        with pytest.raises(Moved):
            retraining.go_back(ops)

    def test_back_from_the_second_the_first_reads_again(self, challenger, ops, other, corrected, monkeypatch):
        two_adopt(ops, other, challenger)
        monkeypatch.setattr(retraining, "labels_of", lambda since, until: corrected[:-9])
        second = retraining.retrain(NOW + timedelta(days=7))
        assert second.against == challenger.version
        with pytest.raises(Refused, match="not better"):
            retraining.adopt(ops, second.pk)
        monkeypatch.setattr(
            retraining, "compare", lambda *args: retraining.Measured(80, 27, 1, 20, 0.5, 0.9, 0, 0, 0.0001)
        )
        monkeypatch.setattr(retraining, "labels_of", lambda since, until: corrected[:-12])
        third = retraining.retrain(NOW + timedelta(days=14))
        two_adopt(ops, other, third)
        assert retraining.go_back(ops) == challenger
        assert reading_models.current().version == challenger.version

    def test_one_that_is_not_better_never_reads(self, ops, db, monkeypatch, corrected):
        monkeypatch.setattr(
            retraining, "labels_of", lambda since, until: [one for one in corrected if not one.corrected]
        )
        made = retraining.retrain(NOW)
        with pytest.raises(Refused, match="not better"):
            retraining.adopt(ops, made.pk)

    def test_one_that_was_compared_with_another_is_trained_anew(self, challenger, ops, monkeypatch):
        monkeypatch.setattr(reading_models, "current", lambda: Reader("other", None))
        with pytest.raises(Moved, match="trained anew"):
            retraining.adopt(ops, challenger.pk)

    @pytest.mark.parametrize("harm", ["changed", "another library", "unreadable"])
    def test_a_stored_model_that_cannot_be_used_does_not_read(
        self, challenger, ops, other, arrive, order, harm, monkeypatch
    ):
        two_adopt(ops, other, challenger)
        if harm == "changed":
            readable, _ = reading_models.packed(reading_models.shipped().model)  # and yet not what was signed
            ReadingModel.objects.filter(pk=challenger.pk).update(content=readable)
        elif harm == "another library":
            monkeypatch.setattr(reading_models, "model_version", lambda: "another")
        else:
            monkeypatch.setattr(reading_models, "unpacked", lambda row: 1 / 0)
        reading_models._champion.cache_clear()
        assert arrive(STATUS, order=order).ruling.made_with["classifier"] != challenger.version
        reading_models._champion.cache_clear()

    def test_the_admin_shows_the_comparison_and_has_the_buttons(self, challenger, ops, other):
        client, address = browser(ops), "/admin/interactions/readingmodel/"
        told = page(client, f"{address}{challenger.pk}/change/")
        assert "It is better, and not by chance" in told
        for person in (ops, other):
            browser(person).post(address, {"action": "adopt", "_selected_action": [challenger.pk]})
        assert ReadingModel.objects.get().state == "champion"
        assert f"Classifier {challenger.version} reads now." in page(client, address)
        client.post(f"{address}go-back/")
        assert ReadingModel.objects.get().state == "retired"
        assert "The classifier that ships reads now." in page(client, address)
        client.post(f"{address}train/")
        assert "not ended yet" in page(client, address)
        assert client.get(f"{address}train/").status_code == 405

    def test_a_supervisor_may_not(self, challenger, user):
        assert browser(user).get("/admin/interactions/readingmodel/").status_code == 403


class TestInShadow:
    """Before a classifier reads anything it is known which grants' cases it would have had handled otherwise."""

    @pytest.fixture
    def cases(self, ramp, arrive, new_order, at):
        at(0.1)
        return [arrive(STATUS, order=new_order()) for _ in range(2)]

    @pytest.fixture
    def trained(self, cases, corrected, monkeypatch):
        """One that reads everything as `intent`, and that measured better."""

        def train(intent, better=True):
            wins = (1, 20, 0.5, 0.9, 0, 0, 0.0001) if better else (20, 1, 0.9, 0.5, 0, 0, 1.0)
            monkeypatch.setattr(retraining, "compare", lambda *args: retraining.Measured(80, 27, *wins))
            monkeypatch.setattr(retraining, "train_intents", lambda *args: Reads(intent, 0.99))
            return retraining.retrain(timezone.now())

        return train

    def test_what_it_flips_stops_as_it_is_adopted(self, trained, ramp, ops, other):
        row = trained("complaint")
        (shadow,) = row.measured["in_shadow"]
        assert (shadow["ramp"], shadow["read"], shadow["otherwise"]) == (ramp.pk, 2, 2)
        assert retraining.adopt(ops, row.pk).state == "challenger"
        assert Ramp.objects.get().stopped_at is None, "one person changes nothing"
        retraining.adopt(other, row.pk)
        assert Ramp.objects.get().stopped_because.startswith("The classifier that reads now would have had 2 of 2")
        assert Notice.objects.get(key=notifying.key_of_stop(ramp.pk)).text.startswith("A grant was stopped")

    def test_what_it_reads_alike_goes_on(self, trained, ops, other):
        row = trained("order_status")
        (shadow,) = row.measured["in_shadow"]
        assert (shadow["read"], shadow["otherwise"]) == (2, 0)
        two_adopt(ops, other, row)
        assert Ramp.objects.get().stopped_at is None

    def test_what_does_not_rule_any_more_is_not_stopped(self, trained, ramp, boundary, ops, other):
        row = trained("complaint")
        draft = releases.draft_from(ops, boundary)
        for rule in Rule.objects.filter(version=draft, ramp=ramp):
            editing.delete(ops, rule)
        releases.tighten(ops, draft)
        two_adopt(ops, other, row)
        assert Ramp.objects.get().stopped_at is None
        assert not Notice.objects.filter(key=notifying.key_of_stop(ramp.pk)).exists()

    def test_what_a_second_reader_read_too_says_nothing_of_the_first(self, ramp, arrive, new_order, at, monkeypatch):
        at(0.1)
        real, second = recording.ruling_of, {"second_reader": "another"}
        monkeypatch.setattr(
            recording, "ruling_of", lambda **given: real(**{**given, "made_with": given["made_with"] | second})
        )
        assert arrive(STATUS, order=new_order()).ruling.made_with["second_reader"] == "another"
        reader = Reader("new", Reads("complaint", 0.99))
        assert shadow_reading.of_grant(ramp, reader, timezone.now()).read == 0

    def test_cases_that_cannot_be_read_any_more_keep_nothing_from_being_trained(self, trained, monkeypatch):
        def unreadable(cases, model):
            raise Invalid({"facts": ["There is no such value."]})

        monkeypatch.setattr(reclassifying, "read_again", unreadable)
        assert trained("complaint").measured["in_shadow"] == []

    def test_a_few_of_a_few_stop_nothing(self):
        assert not shadow_reading.Shadow(1, read=1, otherwise=1, at_least=0.05).stops
        assert shadow_reading.Shadow(1, read=2, otherwise=2, at_least=0.22).stops

    def test_one_that_is_not_better_is_not_read_with(self, trained):
        assert trained("complaint", better=False).measured["in_shadow"] == []

    def test_the_page_says_what_would_stop(self, trained, ramp, ops, other):
        row, address = trained("complaint"), "/admin/interactions/readingmodel/"
        told = page(browser(ops), f"{address}{row.pk}/change/")
        assert "people's, until it is proven anew" in told
        for person in (ops, other):
            answer = browser(person).post(address, {"action": "adopt", "_selected_action": [row.pk]}, follow=True)
        told = html.unescape(answer.content.decode())
        assert "; stopped until proven anew: 1 of the grants" in told[told.index("messagelist") :][:900]


def test_only_what_can_be_gone_back_to_is_kept_whole(db, challenger, ops, other, monkeypatch, corrected):
    two_adopt(ops, other, challenger)
    for week in range(1, 6):
        monkeypatch.setattr(retraining, "labels_of", lambda since, until, n=week: corrected[: -3 * n])
        retraining.retrain(NOW + timedelta(days=7 * week))
    whole = set(ReadingModel.objects.filter(content__isnull=False).values_list("state", flat=True))
    assert ReadingModel.objects.filter(content__isnull=False).count() == 4
    assert "champion" in whole
