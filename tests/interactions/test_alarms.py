"""What always goes to a person, whatever the boundary says; and what no text can talk the AI into."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.interactions.classification.alarms import IN_WORDS, READ, listed, phrases_in, reason
from apps.interactions.classification.detecting import alarms_of
from apps.interactions.classification.language import language_of
from apps.interactions.models import AlarmWord, Interaction
from apps.interactions.phrases import as_pattern
from apps.policies.facts import ALARMS
from tests.conftest import STATUS

SAID = {
    "injury": "Where is my order? The cream you sent last time gave my daughter a rash all over her face.",
    "legal": "Where is my order? If it is not here tomorrow you will hear from my solicitor.",
    "privacy": "Where is my order? And please tell me what personal data you hold about me.",
    "press": "Where is my order? I am a reporter with the evening news and would like a comment.",
    "harm": "Where is my order? I cannot go on like this any more, I want to end it all.",
    "fraud": "Where is my order? I never ordered this, someone has used my card.",
}


def reasons(case: Interaction) -> list[str]:
    return [down["code"] for down in case.ruling.downgrades]


@pytest.mark.parametrize("alarm", READ)
def test_a_message_with_an_alarm_goes_to_a_person_who_is_told_why(alarm, arrive, order):
    assert arrive(STATUS, order=order).handler == "autonomous"
    case = arrive(SAID[alarm], order=order)
    first = Interaction.objects.get(pk=case.merged_into_id or case.pk)
    assert first.state == "awaiting_decision"
    assert f"alarm {alarm}" in reasons(first)


def test_every_alarm_but_the_counted_one_is_read_from_a_list():
    assert set(SAID) == set(READ) == set(ALARMS) - {"repeated"}


def test_an_alarm_is_not_taken_back_by_what_is_written_later(arrive, order):
    case = arrive(SAID["injury"], order=order)
    later = arrive(STATUS, order=order)
    assert later.merged_into_id == case.pk
    assert "alarm injury" in reasons(Interaction.objects.get(pk=case.pk))


def test_an_alarm_in_the_subject_counts(arrive, order):
    assert "alarm legal" in reasons(arrive(STATUS, order=order, subject="Letter before action"))


def test_a_brand_adds_words_of_its_own_and_takes_none_away(arrive, order, partner):
    AlarmWord.objects.create(partner=partner, alarm="injury", word="tingling cheeks")
    assert "alarm injury" in reasons(arrive(f"{STATUS} I have Tingling cheeks.", order=order))
    assert listed(SAID["legal"], {"legal": []}) == {"legal"}


def test_another_brands_words_do_not_count(arrive, order, partner):
    from apps.interactions.demo import demo_partner

    AlarmWord.objects.create(partner=demo_partner("other", "Other"), alarm="injury", word="delivered")
    assert arrive(STATUS, order=order).handler == "autonomous"


def test_an_alarm_word_belongs_to_an_alarm_that_is_read(partner):
    with pytest.raises(ValidationError):
        AlarmWord(partner=partner, alarm="repeated", word="again").full_clean()
    AlarmWord.objects.create(partner=partner, alarm="legal", word="notary")
    with pytest.raises(IntegrityError), transaction.atomic():
        AlarmWord.objects.create(partner=partner, alarm="legal", word="notary")


class TestTheListsLanguage:
    @pytest.mark.parametrize(
        ("line", "text", "found"),
        [
            ("burn*", "it burned", True),
            ("burn*", "auburn hair", False),
            ("small claim*", "the small-claims track", True),
            ("hear* from my", "you heard from my aunt", True),
            ("fell .. on my", "the shelf fell and landed on my foot", True),
            ("fell .. on my", "it fell, and then one two three four five six seven on my", False),
            ("@who .. ill", "my dog is ill", True),
            ("rash -- except vest", "a rash vest", False),
            ("rash -- except vest", "a rash again", True),
            ("did_you/have_you seen", "have you seen", True),
        ],
    )
    def test_a_line_means_what_it_says(self, line, text, found):
        pattern = re.compile(as_pattern(line, {"who": "my our"}), re.IGNORECASE)
        assert bool(pattern.search(text)) is found


class TestLanguage:
    ENGLISH = frozenset(["where", "is", "my", "order", "want", "to", "return", "the", "parcel", "please"])

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Where is my order please", "en"),
            ("Wo ist meine Bestellung? Ich warte schon lange.", "de"),
            ("Où est mon colis ? Je l'attends depuis lundi.", "fr"),
            ("¿Dónde está mi pedido? No ha llegado nada.", "es"),
            ("Waar is mijn bestelling, ik heb niets gekregen", "nl"),
            ("我的订单在哪里", "zh"),
            ("Где мой заказ?", "ru"),
            ("shipemnts to Toronto", "en"),
            ("#1047 👍", "en"),
            ("", "en"),
        ],
    )
    def test_it_is_told_from_the_words(self, text, language):
        assert language_of(text, self.ENGLISH) == language

    def test_a_language_that_was_not_measured_goes_to_a_person_with_its_name(self, arrive, order):
        case = arrive("Wo bleibt meine Bestellung? Ich hätte gern gewusst, wann sie kommt.", order=order)
        assert case.state == "awaiting_decision"
        assert case.intents == []
        (said,) = [down["reason"] for down in case.ruling.downgrades if down["code"] == "language"]
        assert "German" in said
        assert case.ruling.facts["message.language"]["value"] == "de"


class TestWhy:
    """A person is told which words set an alarm off, or that none did."""

    def test_by_words_of_the_list(self, arrive, order):
        case = arrive("The cream burnt my skin, where is my order?", order=order)
        assert "made ill (“burnt my skin”)" in str(case.ruling.downgrades)
        read = case.packets.get().content["classification"]
        assert {"alarm": "injury", "words": "burnt my skin"} in read["alarms"]

    def test_by_a_word_of_the_brand(self, arrive, order, partner):
        AlarmWord.objects.create(partner=partner, alarm="legal", word="zebrafish")
        case = arrive("I shall ask the Zebrafish where my order is.", order=order)
        assert "(“zebrafish”)" in str(case.ruling.downgrades)

    def test_by_the_model_alone(self):
        assert reason("press", "") == f"{IN_WORDS['press']} (by the way it is written, not by single words)"
        said = "After I used it my face swelled up like a balloon and I could not see"
        (found,) = alarms_of([said], [{}])
        assert {alarm for alarm, words in found.items() if not words} == set(found) - set(phrases_in(said))

    def test_the_third_contact_is_counted_and_not_read(self):
        assert reason("repeated", None) == IN_WORDS["repeated"]
