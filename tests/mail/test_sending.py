"""Replies that leave by mail: once, in threads, whatever a stranger or a server does."""

import base64
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import onboarding, vault
from apps.interactions.demo import demo_partner
from apps.interactions.mail import fetching, outgoing, sending
from apps.interactions.models import Interaction, Mail, MailBox, Notice, OutgoingMail
from apps.policies import audit
from tests.conftest import STATUS
from tests.mail.conftest import look, mail, put, sent, work

pytestmark = pytest.mark.django_db(transaction=True)


class TestSending:
    def reply(self, imap, ordered):
        put(imap, mail(STATUS))

    def test_a_server_that_says_later_is_asked_later(self, imap, smtp, box, ordered):
        smtp.deferrals = 1
        self.reply(imap, ordered)
        work(OutgoingMail.objects.exclude(error="").exists)
        row = OutgoingMail.objects.get()
        assert (row.status, row.error.startswith("451"), row.next_at > timezone.now()) == ("waiting", True, True)
        OutgoingMail.objects.update(next_at=timezone.now())
        work(OutgoingMail.objects.filter(status="sent").exists)
        assert len(smtp.deliveries) == 1

    def test_an_address_that_is_none_is_told_to_people(self, imap, smtp, box, ordered):
        smtp.refused = {"ada@example.com"}
        self.reply(imap, ordered)
        work(OutgoingMail.objects.filter(status="gave_up").exists)
        assert "550" in Notice.objects.get(kind="mail").text

    @pytest.mark.parametrize("kept", ["kept", "lost"])
    def test_an_answer_that_got_lost_is_sent_again_under_the_same_name(self, imap, smtp, box, ordered, kept):
        smtp.hang_up = kept
        self.reply(imap, ordered)
        work(OutgoingMail.objects.exclude(error="").exists)
        smtp.hang_up = ""
        OutgoingMail.objects.update(next_at=timezone.now())
        work(OutgoingMail.objects.filter(status="sent").exists)
        assert len({one.message["Message-ID"] for one in smtp.deliveries}) == 1
        assert len(smtp.deliveries) == (2 if kept == "kept" else 1)

    def test_one_that_dies_on_the_way_is_sent_by_the_next(self, imap, smtp, box, ordered):
        self.reply(imap, ordered)
        sent(smtp, 1)
        work(OutgoingMail.objects.filter(status="sent").exists)
        OutgoingMail.objects.update(status="waiting", next_at=timezone.now(), ended_at=None)
        assert len(sending.take(5)) == 1
        assert sending.take(5) == [], "its lease holds"
        OutgoingMail.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        assert len(sending.take(5)) == 1

    def test_who_took_it_before_says_nothing_of_it_any_more_but_that_it_left(self, imap, smtp, box, ordered):
        self.reply(imap, ordered)
        sent(smtp, 1)
        work(OutgoingMail.objects.filter(status="sent").exists)
        OutgoingMail.objects.update(status="waiting", next_at=timezone.now(), ended_at=None)
        sending.take(5)
        row, late = OutgoingMail.objects.get(), uuid.uuid4()
        sending.finish(row.pk, late, None, ConnectionError("hung up"))
        assert (OutgoingMail.objects.get().token, OutgoingMail.objects.get().error) == (row.token, "")
        written = outgoing.Written("<one@lumi.example>", "ada@example.com", b"")
        sending.finish(row.pk, late, written, None)
        assert OutgoingMail.objects.get().status == "sent"

    def test_a_wrong_password_is_a_mistake_of_ours_and_no_refusal(self, imap, smtp, box, ordered):
        MailBox.objects.update(smtp_password=vault.seal("another"))
        self.reply(imap, ordered)
        work(OutgoingMail.objects.exclude(error="").exists)
        assert OutgoingMail.objects.get().status == "waiting"

    def test_what_a_stranger_wrote_puts_no_header_into_ours(self, imap, smtp, box, ordered):
        raw = (
            mail(STATUS).as_bytes().replace(b"Subject: My order", b"Subject: =?utf-8?q?hi=0d=0aBcc:_eve@evil.example?=")
        )
        imap.append(raw)
        look()
        (left,) = sent(smtp, 1)
        assert left.recipients == ("ada@example.com",)
        assert left.message["Bcc"] is None
        assert left.message["Subject"] == "Re: hi Bcc: eve@evil.example"


class TestHostileHeaders:
    """What a stranger encoded twice is not decoded once more in our own mail, and what cannot be written ends nothing."""

    TWICE = "=?utf-8?q?hi=0d=0aReply-To:_eve@evil.example=0d=0a=0d=0aClick_http://evil.example?="
    BROKEN = "=?utf-16?b?/f/+?="

    @pytest.mark.parametrize("inner", [TWICE, BROKEN])
    def test_in_a_subject(self, imap, smtp, box, ordered, inner):
        subject = f"=?utf-8?b?{base64.b64encode(inner.encode()).decode()}?="
        imap.append(mail(STATUS).as_bytes().replace(b"Subject: My order", f"Subject: {subject}".encode()))
        look()
        (left,) = sent(smtp, 1)
        head, _, body = left.raw.partition(b"\r\n\r\n")
        assert left.message["Reply-To"].startswith("support+")
        assert b"evil.example" not in head.replace(b"=?", b"")
        assert b"Click" not in body

    def test_one_that_cannot_be_written_is_given_up_and_the_others_leave(self, imap, smtp, box, ordered, monkeypatch):
        write, broken = outgoing.write, []

        def breaks_once(row, box):
            if not broken:
                broken.append(row.pk)
                raise UnicodeEncodeError("ascii", "x", 0, 1, "no")
            return write(row, box)

        monkeypatch.setattr(sending.outgoing, "write", breaks_once)
        put(imap, mail(STATUS))
        put(imap, mail(f"{STATUS} Again."))
        work(lambda: set(OutgoingMail.objects.values_list("status", flat=True)) == {"sent", "gave_up"})
        assert Notice.objects.filter(kind="mail").exists()


def test_a_dead_server_of_one_brand_takes_no_more_than_its_share(partner, box, imap, smtp, ordered):
    put(imap, mail(STATUS))
    sent(smtp, 1)
    row = OutgoingMail.objects.get()
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            partner=partner, interaction=row.interaction, text="x", made_at=timezone.now(), next_at=timezone.now()
        )
        for _ in range(20)
    )
    assert len(sending.take(16)) == sending.AT_ONCE
    assert sending.take(16) == []


def test_a_backlog_of_one_brand_holds_up_no_other(partner, box, imap, smtp, ordered):
    put(imap, mail(STATUS))
    sent(smtp, 1)
    row, long_ago = OutgoingMail.objects.get(), timezone.now() - timedelta(hours=1)
    fields = {"interaction": row.interaction, "text": "x", "made_at": timezone.now()}
    OutgoingMail.objects.bulk_create(OutgoingMail(partner=partner, next_at=long_ago, **fields) for _ in range(100))
    other = demo_partner("other", "Other")
    MailBox.objects.create(**{
        **{field.attname: getattr(box, field.attname) for field in MailBox._meta.fields if not field.primary_key},
        "partner_id": other.pk, "address": "help@other.example",
    })  # fmt: skip
    last = OutgoingMail.objects.create(partner=other, next_at=timezone.now(), **fields)
    assert len(sending.take(2)) == 2
    last.refresh_from_db()
    assert last.token is not None


def test_a_mailbox_that_is_still_looked_into_here_is_not_taken_twice(box):
    """Its lease has ended, since its server answers a byte at a time."""
    MailBox.objects.update(next_at=timezone.now())
    assert fetching.take(5, {box.pk: 1}) == []
    assert len(fetching.take(5)) == 1


def test_a_reply_that_comes_back_is_told_to_people(imap, box, answered):
    back = mail(
        f"Could not be delivered.\nMessage-ID: {answered['Message-ID']}",
        sender="mailer-daemon@mx.example",
        Return_Path="<>",
    )
    put(imap, back)
    assert Mail.objects.get(kind="bounce").interaction == Interaction.objects.get()
    assert "came back" in Notice.objects.get(kind="mail").text
    assert "came back" in OutgoingMail.objects.get().error


def test_a_sandboxs_mailbox_is_not_read(box, partner):
    MailBox.objects.update(next_at=timezone.now())
    twin = onboarding.sandbox(partner, actor=audit.system("test")).partner
    MailBox.objects.update(partner=twin)
    assert fetching.take(5) == []


def test_what_is_found_after_its_lease_ended_is_left_to_who_looks_now(box, partner):
    MailBox.objects.update(next_at=timezone.now())
    fetching.take(5)
    first = MailBox.objects.get()
    MailBox.objects.update(next_at=timezone.now())
    fetching.take(5)
    look = fetching.Look(box.pk, first.token, None, "", 0, "", "", "", "", first.validity, first.read_to, None)
    fetching.keep(look, fetching.Found(look, validity=first.validity + 1, read_to=first.read_to + 50))
    now = MailBox.objects.get()
    assert (now.read_to, now.validity, now.token != first.token) == (first.read_to, first.validity, True)
    fetching.keep(look, ConnectionError("gone"))
    assert MailBox.objects.get().failures == 0
