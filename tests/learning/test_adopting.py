"""Adopting a retrained reader: by two people, and back by one click."""

from datetime import timedelta

import pytest

from apps.interactions import reading_models
from apps.interactions.models import ReadingModel
from apps.interactions.reading_models import Reader
from apps.learning import retraining
from apps.policies.errors import Moved, Refused
from tests import factories
from tests.conftest import STATUS, browser, page
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


def test_only_what_can_be_gone_back_to_is_kept_whole(db, challenger, ops, other, monkeypatch, corrected):
    two_adopt(ops, other, challenger)
    for week in range(1, 6):
        monkeypatch.setattr(retraining, "labels_of", lambda since, until, n=week: corrected[: -3 * n])
        retraining.retrain(NOW + timedelta(days=7 * week))
    whole = set(ReadingModel.objects.filter(content__isnull=False).values_list("state", flat=True))
    assert ReadingModel.objects.filter(content__isnull=False).count() == 4
    assert "champion" in whole
