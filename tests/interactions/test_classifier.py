"""The shipped classifier: trained here, abstaining when unsure, blind to numbers and addresses."""

import json

import pytest
from django.core.management import CommandError, call_command

from apps.interactions.classification import detecting, intents, scoring, tone, training
from apps.interactions.classification.names import INTENTS
from apps.policies.words import AUTHORITY_ORDER, CaseType


def test_the_corpus_has_every_intent_and_no_line_twice():
    texts, labels = training.corpus()
    assert set(labels) == set(INTENTS)
    assert min(labels.count(label) for label in set(labels)) >= 250
    assert len({training.normalised(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["zxcv qwerty", "", "🎁", "我的订单在哪里？"])
def test_what_cannot_be_understood_asks_for_nothing(text):
    (reading,) = intents.read([text])
    assert {intent for intent, _ in reading.intents} <= {"other"}


def test_under_the_floor_it_abstains(monkeypatch):
    monkeypatch.setattr(intents, "FLOOR", 1.01)
    (reading,) = intents.read(["where is my order"])
    assert reading.intents == ()
    assert 0 < reading.confidence <= 1


def test_a_long_text_is_read_in_bounded_time_by_its_first_page():
    (short,), (long,) = intents.read(["where is my order"]), intents.read(["where is my order " * 5000])
    assert short.intents[0][0] == long.intents[0][0] == "order_status"


def test_numbers_amounts_and_addresses_are_one_word_each():
    one = training.normalised("Order W6131421, paid $84.50, mail me at a@b.example")
    assert one == training.normalised("Order W9999999, paid 12 euros, mail me at x@y.example")


def test_the_version_names_the_corpus(tmp_path, monkeypatch):
    before = training.version()
    for path in training.CORPUS.glob("*.txt"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(training, "CORPUS", tmp_path)
    assert training.version() == before
    (tmp_path / "other.txt").write_text("something else\n")
    assert training.version() != before


def test_one_bad_word_outweighs_good_ones():
    assert tone.sentiment("I love this shop but the lamp came broken") == "negative"
    assert tone.sentiment("Thank you, I love it") == "positive"
    assert tone.sentiment("The lamp is blue") == "neutral"


def test_every_type_has_a_place_in_the_order_of_authority():
    assert set(AUTHORITY_ORDER) == set(CaseType)


class TestScoring:
    GUESSES = (
        scoring.Guess("a", "complaint", "complaint", 0.99),
        scoring.Guess("b", "complaint", "feedback", 0.98),
        scoring.Guess("c", "feedback", "feedback", 0.50),
        scoring.Guess("d", "feedback", "feedback", 0.50),
    )

    def test_the_figures_are_what_their_names_say(self):
        found = scoring.score(self.GUESSES, 0.97)
        assert (found["accuracy"], found["precision_over_floor"], found["coverage_over_floor"]) == (0.75, 0.5, 0.5)
        assert found["classes"]["complaint"] == {"messages": 2, "precision": 1.0, "recall": 0.5, "f1": 0.6667}
        assert [row["text"] for row in found["worst"]] == ["b"]
        # two bins: 0.985 sure and half right; 0.5 sure and all right
        assert found["expected_calibration_error"] == pytest.approx((0.97 + 1.0) / 4, abs=1e-3)

    def test_no_messages_are_no_figures(self):
        assert scoring.score([], 0.97) == {"messages": 0}

    def test_the_command_scores_a_file(self, tmp_path, capsys):
        file = tmp_path / "messages.csv"
        file.write_text(
            'text,intent\n"Where is my order?",order_status\nI want to return these shoes,return_or_refund\n'
        )
        call_command("evaluate_classifier", str(file), "--json")
        found = json.loads(capsys.readouterr().out)
        assert (found["messages"], found["accuracy"], found["classifier"]) == (2, 1.0, training.version())

    @pytest.mark.parametrize("lines", ["text\nhello\n", "text,intent\nhello,nonsense\n", "text,intent\n,complaint\n"])
    def test_a_file_that_is_none_is_refused_with_the_reason(self, tmp_path, lines):
        file = tmp_path / "messages.csv"
        file.write_text(lines)
        with pytest.raises(CommandError, match=r"needs the columns|Line 2"):
            call_command("evaluate_classifier", str(file))


def test_training_again_gives_the_same_answers(tmp_path, settings, capsys):
    texts = ["where is my parcel", "my skin burns since i used the cream"]
    before = training.trained()
    settings.CLASSIFIER_DIR = tmp_path
    call_command("train_classifier")
    assert training.version() in capsys.readouterr().out
    after = training.trained()
    for name in ("intents", "alarm", "which_alarm"):
        assert (getattr(before, name).predict_proba(texts) == getattr(after, name).predict_proba(texts)).all()
    assert before.alarming_from == after.alarming_from
    training.trained.cache_clear()


def test_what_is_said_in_other_words_than_the_lists_is_an_alarm_too():
    texts = ["my lips tingle and puff up every time i use this balm", "where is my order"]
    assert [bool(found) for found in detecting.alarms_of(texts, [{}, {}])] == [True, False]


def test_the_alarms_model_finds_what_no_list_has():
    unlisted = "My tooth broke on something hard in your granola"
    models = training.trained()
    assert models.alarm.predict_proba([training.normalised(unlisted)])[0, 1] >= models.alarming_from


def test_a_reading_is_as_sure_as_its_least_sure_intent():
    (reading,) = intents.read(["Track my parcel please.\nDo you have this lamp in green?"])
    assert len(reading.intents) > 1
    assert reading.confidence == min(p for _, p in reading.intents)
