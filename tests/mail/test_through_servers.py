"""A customer writes to a real mailbox and is answered by real mail, in one thread, once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import outbox, vault
from apps.interactions.mail import receiving, sending
from apps.interactions.models import Interaction, Mail, MailBox, Message, Notice, OutgoingMail
from tests.conftest import MISSING, RETURN, STATUS
from tests.mail.conftest import ADDRESS, look, mail, put, quoted, rounds, sent, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_question_by_mail_is_answered_by_mail(imap, smtp, box, ordered):
    asked = mail(f"{STATUS}\n\n-- \nAda Byron\nHead of Everything", subject="Where is it?")
    put(imap, asked)
    (answer,) = sent(smtp, 1)
    case = Interaction.objects.get()
    assert (case.channel, case.state, case.handler, case.sender_verified) == ("email", "resolved", "autonomous", True)
    assert (case.customer, case.order, case.subject) == (ordered.customer, ordered, "Where is it?")
    assert "Head of Everything" not in Message.objects.get(author="customer").text
    said = answer.message
    assert (answer.sender, answer.recipients) == (ADDRESS, ("ada@example.com",))
    assert (said["From"], said["Subject"], said["In-Reply-To"]) == (
        f"Lumi Skin <{ADDRESS}>",
        "Re: Where is it?",
        asked["Message-ID"],
    )
    assert said["References"] == asked["Message-ID"]
    assert said["Reply-To"] == f"support+{case.reference.hex}@lumi.example"
    assert said["Auto-Submitted"] == "auto-replied"
    assert ordered.number in said.get_content()


class TestThreads:
    def test_an_answer_goes_on_with_its_case_and_what_it_quotes_is_cut(self, imap, box, answered):
        text = f"Thank you. But where is it now?\n\nOn Monday, 23 November 2026, {ADDRESS} wrote:\n{quoted(answered)}\n"
        put(imap, mail(text, In_Reply_To=answered["Message-ID"], References=f"<other@x> {answered['Message-ID']}"))
        case = Interaction.objects.get()
        assert case.messages.filter(author="customer").last().text == "Thank you. But where is it now?"

    def test_so_does_one_to_the_address_of_the_case(self, imap, box, answered):
        put(imap, mail("Hello again, where is it now?", to=answered["Reply-To"]))
        assert Interaction.objects.get().messages.filter(author="customer").count() == 2

    def test_somebody_else_who_answers_opens_a_case_of_their_own(self, imap, box, answered):
        eve = mail(
            "Please send the money to me.",
            sender="Eve <eve@evil.example>",
            In_Reply_To=answered["Message-ID"],
            to=answered["Reply-To"],
        )
        put(imap, eve)
        other = Interaction.objects.exclude(subject="My order", customer__isnull=False).get()
        assert (other.customer, other.order, other.messages.count() >= 1) == (None, None, True)
        assert "somebody else" in Mail.objects.get(party="eve@evil.example").note

    def test_a_mail_that_nobody_vouches_for_makes_the_sender_uncertain(self, imap, box, answered):
        put(imap, mail("It is me, send me a refund.", In_Reply_To=answered["Message-ID"], vouched=False))
        assert Interaction.objects.get().sender_verified is False

    def test_the_next_answer_stands_in_the_same_thread(self, imap, smtp, box, answered):
        put(imap, mail(STATUS, In_Reply_To=answered["Message-ID"]))
        second = sent(smtp, 2)[1].message
        assert answered["Message-ID"] in second["References"]


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("automatic", {"Auto_Submitted": "auto-replied"}),
        ("automatic", {"Precedence": "bulk"}),
        ("automatic", {"X_Autoreply": "yes"}),
        ("automatic", {"sender": "no-reply@example.com"}),
        ("list", {"List_Id": "<news.example.com>"}),
        ("own", {"sender": f"Lumi <{ADDRESS}>"}),
        ("own", {"X_Remit_Loop": ADDRESS}),
    ],
)
def test_what_no_person_wrote_opens_no_case_and_is_answered_to_nobody(imap, smtp, box, kind, headers):
    put(imap, mail("I am away until Monday.", **headers))
    assert Mail.objects.get().kind == kind
    assert not Interaction.objects.exists()
    rounds()
    assert smtp.deliveries == []


def test_two_machines_do_not_answer_each_other_for_ever(imap, smtp, box, ordered, monkeypatch):
    monkeypatch.setattr(sending, "MOST_AN_HOUR", 2)
    for number in range(3):
        put(imap, mail(f"{STATUS} {number}"))
    work(OutgoingMail.objects.filter(status="gave_up").exists)
    assert len(smtp.deliveries) == 2
    assert "answering each other" in OutgoingMail.objects.get(status="gave_up").error
    assert Notice.objects.get(kind="mail").partner == ordered.partner


class TestTheSameOnceMore:
    def test_a_mail_that_lies_there_twice_is_one(self, imap, smtp, box, ordered):
        asked = mail(STATUS)
        imap.append(asked.as_bytes())
        put(imap, asked)
        sent(smtp, 1)
        rounds()
        assert (Interaction.objects.count(), len(smtp.deliveries)) == (1, 1)

    def test_numbers_that_begin_anew_bring_nothing_twice_and_lose_nothing(self, imap, box, ordered):
        put(imap, mail("First: where is my parcel?"))
        imap.renumber()
        imap.append(mail("Second: where is my parcel?", sender="bea@example.com").as_bytes())
        work(Message.objects.filter(text__startswith="Second: where").exists)  # in as many looks as it takes
        for text in ("First", "Second"):  # what other tests put there within the week comes, too
            assert Message.objects.filter(text__startswith=f"{text}: where").count() == 1
        put(imap, mail("Third: and where now?", sender="cleo@example.com"))
        assert Message.objects.filter(text__startswith="Third").count() == 1

    def test_what_lay_there_before_is_left_alone(self, imap, box):
        assert not Mail.objects.exists()


def test_what_cannot_be_kept_opens_a_case_and_holds_up_no_other(imap, box, ordered, monkeypatch):
    receive = receiving.receive

    def breaks(box, mail):
        if mail.kind == "message" and "poison" in mail.text:
            raise ValueError("poison")
        return receive(box, mail)

    monkeypatch.setattr(receiving, "receive", breaks)
    imap.append(mail("This is poison.").as_bytes())
    put(imap, mail("And this is not. Where is it?", sender="bea@example.com"))
    texts = list(Message.objects.filter(author="customer").values_list("text", flat=True))
    assert any("cannot be read here: it could not be kept" in text for text in texts)
    assert any("And this is not" in text for text in texts)
    assert MailBox.objects.get().failures == 0


def test_mails_of_one_id_that_say_different_things_are_two(imap, box):
    for text in ("First question.", "Second question."):
        one = mail(text)
        one.replace_header("Message-ID", "<constant@device.example>")
        put(imap, one)
    assert set(Message.objects.filter(author="customer").values_list("text", flat=True)) == {
        "First question.",
        "Second question.",
    }


def test_a_mail_that_could_not_be_read_is_answered_all_the_same(imap, smtp, box, ordered):
    two = (
        mail("x")
        .as_bytes()
        .replace(b"Subject: My order", b"Subject: My order\nContent-Type: text/plain; x=" + b"boundary=" * 30)
    )
    imap.append(two)
    look()
    work(lambda: Interaction.objects.filter(state="awaiting_decision").exists())
    (left,) = sent(smtp, 1)
    assert left.recipients == ("ada@example.com",)


def test_a_mail_that_was_merged_into_a_chat_is_answered_by_mail_too(imap, smtp, box, ordered, arrive):
    chat = arrive(MISSING, order=ordered, channel="chat")
    put(imap, mail(f"My parcel never arrived, order {ordered.number}, I did not receive anything."))
    assert Interaction.objects.get(channel="email").merged_into == chat
    event = outbox.reply_event(chat, "We look for it.", holding=False)
    outbox.keep([event])
    assert sent(smtp, 1)[-1].recipients == ("ada@example.com",)


class TestMailbox:
    def test_one_that_lets_us_in_no_more_says_so_and_is_asked_more_seldom(self, imap, box):
        MailBox.objects.update(imap_password=vault.seal("another"), next_at=timezone.now())
        work(lambda: MailBox.objects.get().failures)
        row = MailBox.objects.get()
        assert "AUTHENTICATIONFAILED" in row.error
        assert row.next_at > timezone.now() + timedelta(seconds=20)

    def test_nothing_in_it_is_changed(self, imap, box):
        put(imap, mail())
        connection = imap.connect()
        connection.select("INBOX", readonly=True)
        assert connection.search(None, "SEEN")[1] == [b""]
        connection.logout()

    def test_one_that_is_paused_is_left_alone(self, imap, smtp, box, ordered):
        MailBox.objects.update(paused=True, next_at=timezone.now())
        imap.append(mail().as_bytes())
        rounds()
        assert not Mail.objects.exists()

    def test_in_the_clear_only_to_this_machine(self, box, settings):
        settings.WEBHOOKS_MAY_BE_LOCAL = False
        MailBox.objects.update(next_at=timezone.now())
        work(lambda: MailBox.objects.get().failures)
        assert "in the clear" in MailBox.objects.get().error

    def test_files_are_listed_and_not_kept(self, imap, box):
        with_file = mail("My parcel never arrived, see the photo.")
        with_file.add_attachment(b"\xff\xd8" * 600, maintype="image", subtype="jpeg", filename="../../etc/photo.jpg")
        put(imap, with_file)
        assert Message.objects.get(author="customer").attachments == [
            {"name": "photo.jpg", "type": "image/jpeg", "size": 1200}
        ]

    def test_a_return_by_mail_waits_for_the_person_when_nobody_vouches(self, imap, smtp, box, ordered):
        put(imap, mail(f"{RETURN} Order {ordered.number}.", vouched=False))
        work(lambda: Interaction.objects.get().state == "awaiting_decision")
        (holding,) = sent(smtp, 1)
        assert "A person on our team" in holding.message.get_content()
