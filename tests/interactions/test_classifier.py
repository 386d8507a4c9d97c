"""The shipped classifier: trained here, abstaining when unsure, blind to numbers and addresses."""

import pytest

from apps.interactions.classification import intents, tone, training
from apps.policies.words import AUTHORITY_ORDER, CaseType


def test_the_corpus_has_every_intent_and_no_line_twice():
    texts, labels = training.corpus()
    assert set(labels) == set(intents.INTENTS)
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
