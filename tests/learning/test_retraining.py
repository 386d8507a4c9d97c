"""Retraining: what people correct is learnt, measured on cases that nobody learnt from, adopted only when better, taken back."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.interactions import reading_models
from apps.interactions.models import Interaction, ReadingModel
from apps.interactions.reading_models import Reader
from apps.learning import audits, labels, retraining
from apps.learning.models import Training
from apps.policies.errors import Refused
from tests import factories
from tests.conftest import browser, page
from tests.deciding import decide, pass_undo_window
from tests.learning.labelled import NOW, label, misread
from tests.learning.test_audits import chance, place_of  # noqa: F401
from tests.learning.test_breaker import audited  # noqa: F401


@pytest.fixture
def ops(db):
    return factories.ops_manager()


class Says:
    """Reads every text as it is told to, as sure as it is told."""

    classes_ = np.array(["order_status", "return_or_refund"])

    def __init__(self, right, sure=0.7):
        self.right, self.sure = right, sure

    def predict_proba(self, texts):
        rows = [(self.sure, 1 - self.sure) if right else (1 - self.sure, self.sure) for right in self.right]
        return np.array(rows)


class TestLabels:
    def found(self):
        now = timezone.now()
        return labels.labels_of(now - timedelta(days=1), now + timedelta(minutes=1))

    def test_what_a_person_decides_was_read_rightly_when_they_do_not_say_otherwise(self, held, drain):
        decide(held)
        pass_undo_window()
        drain()
        (one,) = self.found()
        assert (one.intent, one.corrected, one.weight) == ("return_or_refund", False, 1.0)
        assert "send me a return label" in one.text

    def test_a_correction_says_what_they_asked_for(self, held, drain):
        decide(held, option=1, reason_code="goodwill", wrong_part="type", asked_for="complaint")
        pass_undo_window()
        drain()
        (one,) = self.found()
        assert (one.intent, one.corrected) == ("complaint", True)

    def test_misread_without_saying_as_what_is_none(self, held, drain):
        decide(held, option=1, reason_code="goodwill", wrong_part="type")
        pass_undo_window()
        drain()
        assert self.found() == []

    def test_a_name_that_there_is_not_is_refused(self, held):
        with pytest.raises(Refused, match="from the list"):
            decide(held, option=1, reason_code="goodwill", wrong_part="type", asked_for="mood")

    def test_an_audit_stands_for_as_many_as_it_was_drawn_from(self, audited, user):  # noqa: F811
        (row,) = audited(1)
        held = audits.take_next(user)
        audits.judge(user, held.pk, place=place_of(held, "Tell where it is"))
        audits.review(user, row.pk, verdict="wrong", wrong_part="type", asked_for="delivery_problem")
        (one,) = self.found()
        assert (one.intent, one.corrected, one.weight) == ("delivery_problem", True, 20.0)

    def test_what_was_ruled_anew_since_is_none(self, held, drain):
        decide(held)
        pass_undo_window()
        drain()
        case = Interaction.objects.get()
        Interaction.objects.filter(pk=case.pk).update(ruling=None)
        assert self.found() == []

    def test_the_page_asks_for_it(self, held, user):
        told = page(browser(held[0]), f"/reach/{held[1].pk}/")
        assert 'name="asked_for"' in told
        assert '<option value="complaint">To complain</option>' in told

    def test_the_page_posts_it(self, held):
        person, escalation = held
        packet = escalation.interaction.packets.get()
        browser(person).post(f"/reach/{escalation.pk}/decide/", {
            "packet_version": packet.version, "lease_token": escalation.lease_token, "option": 1, "reason_code": "goodwill",
            "wrong_part": "type", "asked_for": "complaint",
        })  # fmt: skip
        assert Interaction.objects.get().decisions.get().asked_for == "complaint"


class TestSplit:
    def test_who_is_learnt_from_is_not_measured_on(self):
        some = [label(n, customer=f"c {n % 70}") for n in range(100)]
        older, newer = retraining.split(some)
        assert not {one.customer for one in older} & {one.customer for one in newer}
        assert max(one.at for one in older) < min(one.at for one in newer)


class TestCompare:
    def test_shares_are_weighted_by_what_a_case_stands_for(self):
        some = [label(0, weight=20.0), label(1), label(2)]
        found = retraining.compare(
            some, Reader("a", Says([True, False, False])), Reader("b", Says([False, True, True]))
        )
        assert (found.right_champion, found.right_challenger) == (round(20 / 22, 4), round(2 / 22, 4))
        assert not found.better

    def measured(self, only_champion, only_challenger, sure=0.7):
        some = [label(n) for n in range(only_champion + only_challenger + 50)]
        both = [True] * 50
        one = Says([True] * only_champion + [False] * only_challenger + both)
        other = Says([False] * only_champion + [True] * only_challenger + both, sure)
        return retraining.compare(some, Reader("a", one), Reader("b", other))

    def test_better_beyond_chance(self):
        assert self.measured(0, 12).better
        assert self.measured(2, 12).chance == pytest.approx(106 / 2**14)

    @pytest.mark.parametrize(("only_champion", "only_challenger"), [(0, 4), (2, 12), (6, 12), (5, 5), (12, 2), (0, 0)])
    def test_better_by_chance_is_not(self, only_champion, only_challenger):
        assert not self.measured(only_champion, only_challenger).better

    def test_one_that_is_wrong_where_it_is_sure_is_not_better(self):
        assert not self.measured(2, 22, sure=0.99).better

    def test_one_that_a_brand_is_worse_off_with_is_not_better(self):
        some = [replace(label(n), partner="small" if n < 8 else "large") for n in range(60)]
        one, other = [True] * 8 + [False] * 52, [False] * 8 + [True] * 52
        found = retraining.compare(some, Reader("a", Says(one)), Reader("b", Says(other)))
        assert found.chance < retraining.LEVEL
        assert (found.worse_off, found.better) == (("small",), False)

    def test_of_two_that_are_as_good_none_is_better_in_19_of_20_years(self):
        """At the null: 52 challengers a year, each of the two alone right in as many of 40 cases."""
        random = np.random.default_rng(3)
        years = sum(
            any(self.measured(40 - int(w), int(w)).better for w in random.binomial(40, 0.5, 52)) for _ in range(20)
        )
        assert years <= 3  # one is expected at most


class TestFairly:
    def test_nobody_corrects_more_than_all_others_together(self):
        some = [misread(n, by="Ann") for n in range(60)] + [misread(60 + n, by=f"person {n}") for n in range(10)]
        found = retraining._fairly(some, 1000)
        assert sum(one.by == "Ann" for one in found) == 10
        assert len(found) == 20
        assert not any(one.corrected for one in retraining._fairly(some[:60], 1000)), "one person alone teaches nothing"

    def test_it_is_measured_on_the_newest_and_not_on_what_was_corrected_before(self, monkeypatch):
        monkeypatch.setattr(retraining, "MOST_MEASURED", 50)
        some = [
            *(misread(n) for n in range(30)),
            *(label(100 + n) for n in range(40)),
            *(misread(200 + n) for n in range(10)),
        ]
        assert retraining._to_measure(some) == some[-50:]

    @pytest.mark.parametrize("newer", [2_000, 8_000])
    def test_one_that_is_as_good_is_better_by_chance_alone_however_many_labels_there_are(self, monkeypatch, newer):
        """At the null: each of the two reads one in fifty rightly that the other does not."""
        monkeypatch.setattr(retraining, "MOST_MEASURED", 1_000)
        random, better = np.random.default_rng(5), 0
        for _ in range(40):
            only = random.choice(["one", "other", ""], newer, p=[0.02, 0.02, 0.96])
            some = [misread(n, by=f"person {n % 7}") if who == "other" else label(n) for n, who in enumerate(only)]
            kept = {one.case for one in retraining._to_measure(some)}
            won, lost = (sum(who == name and n in kept for n, who in enumerate(only)) for name in ("other", "one"))
            better += retraining._chance(won, won + lost) <= 0.05
        assert better <= 6  # two are expected

    def test_it_takes_no_longer_than_a_worker_may(self):
        some = [misread(n) for n in range(30)] + [label(100 + n) for n in range(100)]
        found = retraining._fairly(some, 50)
        assert (len(found), sum(one.corrected for one in found)) == (50, 30)
        assert max(one.at for one in found) == max(one.at for one in some)


class TestRetrain:
    def test_what_was_corrected_is_learnt_and_measured_on_others(self, challenger):
        found = challenger.measured
        assert challenger.state == "challenger"
        assert challenger.against == reading_models.shipped().version
        assert (challenger.labels, challenger.corrected) == (160, 54)
        assert found["cases"] == 80
        assert found["right_challenger"] > found["right_champion"]
        assert found["better"]

    def test_corrections_that_say_anything_make_none_that_is_better(self, monkeypatch, db):
        random = np.random.default_rng(1)
        names = list(reading_models.shipped().model.classes_)
        noise = [replace(misread(n), intent=names[random.integers(0, 13)]) for n in range(240)]
        monkeypatch.setattr(retraining, "labels_of", lambda since, until: noise)
        assert not retraining.retrain(NOW).measured["better"]

    def test_without_labels_there_is_none(self, monkeypatch, db):
        monkeypatch.setattr(retraining, "labels_of", lambda since, until: [])
        assert retraining.retrain(NOW) is None

    def test_a_newer_challenger_takes_the_place_of_one_that_nobody_adopted(self, challenger, monkeypatch, corrected):
        monkeypatch.setattr(retraining, "labels_of", lambda since, until: corrected[:-9])
        newer = retraining.retrain(NOW + timedelta(days=7))
        assert dict(ReadingModel.objects.values_list("version", "state")) == {
            challenger.version: "dropped", newer.version: "challenger",
        }  # fmt: skip

    def test_it_is_due_weekly_when_enough_was_corrected(self, held, drain, monkeypatch):
        assert not retraining.due(timezone.now())
        decide(held, option=1, reason_code="goodwill", wrong_part="type", asked_for="complaint")
        now = timezone.now()
        monkeypatch.setattr(retraining, "FEWEST_CORRECTED", 1)
        assert retraining.due(now)
        retraining.retrain_when_due(now)
        assert Training.objects.count() == 1
        assert not retraining.due(now + timedelta(days=6)), "whatever came of it"
        assert not retraining.due(now + timedelta(days=8)), "nothing was corrected since"

    def test_one_is_measured_a_week_whoever_asks(self, corrected, ops):
        """`LEVEL` is that of one a week: among many, one looks better by chance."""
        retraining.carry_out(retraining.begin(ops, NOW).pk)
        made = ReadingModel.objects.get()
        told = browser(ops).post("/admin/interactions/readingmodel/train/", follow=True).content.decode()
        assert "The next can be from" in told
        assert Training.objects.count() == 1
        assert retraining.begin(ops, made.made_at + timedelta(days=7))
        assert retraining.begin(None, made.made_at + timedelta(days=6, hours=23)), (
            "a week after the last was begun, not ended"
        )

    def test_what_came_of_it_is_kept(self, corrected, db):
        made = retraining.begin(None, NOW)
        retraining.carry_out(made.pk)
        assert Training.objects.get().said.endswith(": better.")

    def test_one_that_breaks_says_why(self, monkeypatch, db):
        def breaks(since, until):
            raise ValueError("no room left")

        monkeypatch.setattr(retraining, "labels_of", breaks)
        retraining.carry_out(retraining.begin(None, NOW).pk)
        made = Training.objects.get()
        assert made.said == "It could not be trained: ValueError: no room left"
        assert made.ended_at
