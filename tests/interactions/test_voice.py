"""A brand's voice: how its replies greet, how formal they are, and the words they avoid."""

import pytest
from django.core.exceptions import ValidationError

from apps.interactions.drafting import replies
from apps.interactions.models import Customer, OutboxEvent
from apps.policies.models import Partner
from tests import factories
from tests.conftest import MISSING, STATUS, browser

GERMAN = "Wo ist meine Bestellung? Ich habe sie noch nicht erhalten und warte seit zwei Wochen."


def voice(partner, **fields):
    for name, value in fields.items():
        setattr(partner, name, value)
    partner.full_clean()
    partner.save()
    return partner


def reply_to(arrive, order, text=STATUS):
    case = arrive(text, order=order)
    return case, case.messages.filter(author="ai").last().text


class TestFormality:
    def test_formal_replies_say_the_whole_name(self, arrive, order, partner):
        voice(partner, voice_formality="formal", voice_greeting="Dear {name},")
        assert reply_to(arrive, order)[1].startswith(f"Dear {order.customer.name},")

    def test_whoever_has_no_name_is_greeted_all_the_same(self, partner):
        for formality in ("formal", "neutral"):
            voice(partner, voice_formality=formality)
            assert replies.name_for(partner, Customer(name=""), public=False) == "there"

    def test_neutral_ones_the_first_name(self, arrive, order):
        assert reply_to(arrive, order)[1].startswith(f"Hi {order.customer.first_name},")

    def test_informal_ones_use_short_forms_and_change_no_fact(self, partner):
        voice(partner, voice_formality="informal")
        text = replies.write(partner, "Mira", "It is here. We do not know {what}.", what="that is all").text
        assert "It's here. We don't know that is all." in text


class TestWordsToAvoid:
    @pytest.mark.parametrize(
        ("body", "written"),
        [("Your parcel is late.", "Your package is late."), ("Parcels are not meant.", "Parcels are not meant."),
         ("PARCEL", "Package"), ("Parcel: late", "Package: late")],
    )  # fmt: skip
    def test_a_better_one_is_written_in_its_place(self, partner, body, written):
        voice(partner, voice_avoid=["parcel: package"])
        assert f"\n\n{written}\n\n" in replies.write(partner, "Mira", body).text

    def test_a_fact_is_never_rewritten(self, partner):
        voice(partner, voice_avoid=["parcel: package"])
        assert "Parcel box" in replies.write(partner, "Mira", "You bought {item}.", item="Parcel box").text

    def test_a_reply_with_a_word_that_has_no_better_one_waits_for_a_person(self, arrive, order, partner):
        voice(partner, voice_avoid=["order"])
        case = arrive(STATUS, order=order)
        assert (case.state, case.handler) == ("awaiting_decision", "collaborative")
        assert "which the brand avoids" in str(case.ruling.downgrades)
        assert not OutboxEvent.objects.filter(kind="reply.created", payload__holding=False).exists()

    def test_the_brands_own_name_is_no_word_to_avoid(self, arrive, order, partner):
        voice(partner, name="Order Co", voice_avoid=["co"])
        assert arrive(STATUS, order=order).state == "resolved"

    def test_a_better_word_that_promises_something_is_found_like_any_promise(self, arrive, order, partner):
        voice(partner, voice_avoid=["delivered: replaced by a new one"])
        assert arrive(STATUS, order=order).state == "awaiting_decision"


@pytest.mark.parametrize(
    "fields",
    [{"voice_greeting": "Hi {first_name},"}, {"voice_greeting": "Hi {name"}, {"voice_sign_off": "{0}"},
     {"voice_avoid": "parcel"}, {"voice_avoid": [1]}, {"voice_avoid": [": package"]}, {"voice_avoid": ["a: {name}"]},
     {"voice_avoid": ["parcel: small parcel"]}, {"voice_avoid": ["w"] * 101}, {"languages": []}, {"languages": ["English"]}, {"voice_formality": "rude"}],
)  # fmt: skip
def test_a_voice_that_cannot_be_written_is_refused(partner, fields):
    with pytest.raises(ValidationError):
        voice(partner, **fields)


class TestLanguages:
    def test_whoever_writes_in_another_language_is_told_which_the_brand_answers_in(self, arrive, order):
        assert "We answer in English." in reply_to(arrive, order, GERMAN)[1]

    def test_and_not_when_the_brand_answers_in_it(self, arrive, order, partner):
        voice(partner, languages=["en", "de"])
        case, said = reply_to(arrive, order, GERMAN)
        assert "We answer in" not in said
        assert case.state == "awaiting_decision"  # a person still reads it

    def test_english_is_not_told_anything(self, arrive, order):
        assert "We answer in" not in reply_to(arrive, order, MISSING)[1]


class TestInTheAdmin:
    @pytest.fixture
    def admin(self, db):
        return browser(factories.UserFactory(is_staff=True, is_superuser=True))

    def post(self, admin, partner, **fields):
        data = {
            "name": partner.name, "slug": partner.slug, "currency": "USD", "time_zone": "UTC", "opens_at": "08:00",
            "closes_at": "20:00", "staffed_weekdays": "[]", "holidays": "[]", "voice_greeting": "Hi {name},",
            "voice_sign_off": "Bye, {brand}", "blind_percent": "5", "audit_percent": "5", "voice_formality": "neutral", "voice_avoid": "", "languages": "en",
            "connector": "webhook", "undo_seconds": "10", "quiet_days": "3", "when_silent": "close",
            "effect_deadline_minutes": "15",
        }  # fmt: skip
        return admin.post(f"/admin/policies/partner/{partner.pk}/change/", data | fields)

    def test_the_page_shows_how_replies_sound(self, admin, partner):
        self.post(
            admin,
            partner,
            voice_avoid="parcel: package\nkindly",
            voice_formality="informal",
            voice_greeting="Hey {name}!",
        )
        saved = Partner.objects.get(pk=partner.pk)
        assert (saved.voice_avoid, saved.languages) == (["parcel: package", "kindly"], ["en"])
        page = admin.get(f"/admin/policies/partner/{partner.pk}/change/").content.decode()
        assert "Hey Mira!" in page
        assert "for your package. Unfortunately it didn&#x27;t reach you." in page
        assert "parcel: package\nkindly</textarea>" in page

    def test_a_wrong_one_is_refused_where_it_was_typed(self, admin, partner):
        page = self.post(admin, partner, voice_greeting="Hi {first}").content.decode()
        assert "no other braces" in page
        assert Partner.objects.get(pk=partner.pk).voice_greeting == partner.voice_greeting

    def test_a_line_without_a_word_is_refused_and_breaks_nothing(self, admin, partner):
        assert "starts with the word to avoid" in self.post(admin, partner, voice_avoid=": package").content.decode()

    def test_an_older_voice_that_cannot_be_written_says_so(self, admin, partner):
        Partner.objects.filter(pk=partner.pk).update(voice_greeting="Hi {first}")
        assert (
            "This voice cannot be written"
            in admin.get(f"/admin/policies/partner/{partner.pk}/change/").content.decode()
        )


def test_a_brand_with_a_number_in_its_name_signs_with_it(arrive, order, partner):
    Partner.objects.filter(pk=partner.pk).update(name="Studio 54")
    case = arrive(STATUS, order=order)
    assert case.state == "resolved"
    assert "Studio 54" in case.messages.get(author="ai").text
