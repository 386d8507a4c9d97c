"""Reading the past again with another classifier."""

import io
import json
from datetime import timedelta

import joblib
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError
from django.utils import timezone

from apps.interactions import reclassifying
from apps.interactions.classification.training import trained
from apps.interactions.models import Interaction
from apps.policies.models import AuditEntry, Partner, Ruling
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS
from tests.interactions.test_intake import write


class Reads:
    """A model of the classifier's kind that reads every text the same way."""

    def __init__(self, intent, probability):
        self.classes_ = trained().intents.classes_
        self.row = [probability if name == intent else (1 - probability) / 12 for name in self.classes_]

    def predict_proba(self, texts):
        return np.array([self.row for _ in texts])


def again(model=None, since=timedelta(days=1), **more):
    return list(reclassifying.read_again(reclassifying.cases_since(timezone.now() - since, **more), model))


@pytest.fixture
def past(arrive, order, partner):
    """One case that the AI handled, and three that went to people: one unsure, one by its boundary, one by its stage."""
    return [arrive(STATUS, order=order), arrive("hm", external_id="unsure"), arrive(RETURN), arrive(COMPLAINT)]


def test_the_same_model_would_have_handled_everything_as_it_was(past, order, drain):
    write(past[0], MISSING)  # answered before, and now another matter
    drain()
    found = again()
    assert [case for case in found if case.otherwise] == []
    assert len(found) == 4
    assert all(case.confidence_then == pytest.approx(case.confidence_now, abs=0.0005) for case in found)


def test_what_was_answered_before_is_not_read_again(arrive, order, drain):
    case = arrive(STATUS, order=order)
    write(case, "What payment methods do you accept?")
    drain()
    (found,) = again()
    assert (found.type_then, found.type_now) == ("question", "question")


def test_what_came_in_after_the_ruling_is_not_read(arrive, order):
    case = arrive(MISSING, order=order)
    write(case, COMPLAINT)
    (found,) = again()
    assert (found.type_then, found.type_now) == ("delivery_dispute", "delivery_dispute")


def test_a_model_that_is_less_sure_hands_over_what_was_alone(past):
    by_id = {case.external_id: case for case in again(Reads("order_status", 0.97))}
    alone = by_id[past[0].external_id]
    assert (alone.handler_then, alone.handler_now, alone.otherwise) == ("autonomous", "human", True)


def test_a_model_that_is_surer_takes_over_only_what_nothing_else_kept_back(arrive, order, partner):
    unsure = arrive("is it coming or what", order=order)
    assert (unsure.case_type, unsure.handler) == ("order_status", "human")
    (case,) = again(Reads("order_status", 0.99))
    assert (case.handler_now, case.otherwise) == ("autonomous", True)
    assert [no["code"] for no in Ruling.objects.get().downgrades] == ["confidence"]


def test_other_noes_stay(arrive, order):
    arrive("any news on my things?", order=order)
    assert {no["code"] for no in Ruling.objects.get().downgrades} == {"alarm press", "confidence"}
    (case,) = again(Reads("order_status", 0.99))
    assert (case.handler_now, case.otherwise) == ("human", False)


def test_a_case_of_another_type_says_so_and_guesses_no_handler(past):
    case = again(Reads("complaint", 0.99))[0]
    assert (case.type_then, case.type_now, case.handler_now) == ("order_status", "complaint", None)


class TestCommand:
    def run(self, *options):
        out = io.StringIO()
        call_command("reclassify", *options, stdout=out)
        return out.getvalue()

    def test_it_lists_what_differs_and_changes_nothing(self, past, tmp_path):
        file = tmp_path / "other.joblib"
        joblib.dump(Reads("order_status", 0.97), file)
        before = [AuditEntry.objects.count(), Ruling.objects.count(), list(Interaction.objects.values_list())]
        said = self.run("--since", "2026-01-01", "--with", str(file))
        assert f"{past[0].external_id}: order_status, autonomous → human" in said
        assert "of 4 cases would have been handled otherwise" in said
        assert before == [AuditEntry.objects.count(), Ruling.objects.count(), list(Interaction.objects.values_list())]
        lines = self.run("--since", "2026-01-01", "--with", str(file), "--json").splitlines()
        assert {json.loads(line)["external_id"] for line in lines} >= {past[0].external_id}

    def test_the_database_lets_it_write_nothing(self, past, monkeypatch):
        monkeypatch.setattr(reclassifying, "read_again", lambda cases, model: cases.update(subject="changed"))
        with pytest.raises(InternalError, match="read-only transaction"):
            self.run("--since", "2026-01-01")

    def test_without_a_model_it_is_the_one_that_ships(self, past):
        assert self.run("--since", "2026-01-01").startswith("0 of 4 cases")

    def test_only_what_is_asked_for_is_read(self, past, partner):
        Partner.objects.create(slug="other", name="Other")
        assert "0 of 0 cases" in self.run("--since", "2026-01-01", "--partner", "other")
        tomorrow = timezone.now() + timedelta(days=1)
        assert "0 of 0 cases" in self.run("--since", tomorrow.isoformat())

    @pytest.mark.parametrize(
        ("options", "says"),
        [(["--since", "yesterday"], "is no date"), (["--since", "2026-02-31"], "is no date"),
         (["--since", "2026-01-01", "--partner", "nobody"], "no brand"),
         (["--since", "2026-01-01", "--with", "/none.joblib"], "cannot be read")],
    )  # fmt: skip
    def test_what_cannot_be_done_is_said(self, db, options, says):
        with pytest.raises(CommandError, match=says):
            self.run(*options)

    def test_a_file_with_something_else_is_refused(self, db, tmp_path):
        joblib.dump([1], tmp_path / "list.joblib")
        with pytest.raises(CommandError, match="gives no probabilities"):
            self.run("--since", "2026-01-01", "--with", str(tmp_path / "list.joblib"))
