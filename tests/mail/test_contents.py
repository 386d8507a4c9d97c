"""What a mail holds: words in any charset, of the part that has them, and files."""

import pytest

from apps.interactions.mail import reading
from tests.mail.test_reading import BOX


@pytest.mark.parametrize(
    ("charset", "encoding", "said"),
    [
        ("ks_c_5601-1987", "cp949", "반품하고 싶어요"), ("iso-8859-8-i", "iso-8859-8", "שלום"), ("windows-874", "cp874", "สวัสดี"),
        ("cp932", "cp932", "返品したい"), ("iso8859-1", "latin-1", "schön"), ("macintosh", "mac-roman", "schön"),
        ("utf-7", "utf-7", "schön"), ("", "latin-1", "schön"), ("unknown-8bit", "utf-8", "schön"),
    ],
)  # fmt: skip
def test_words_in_any_usual_charset_are_read(charset, encoding, said):
    declared = f"; charset={charset}" if charset else ""
    head = f"From: ada@example.com\nContent-Type: text/plain{declared}\nContent-Transfer-Encoding: 8bit\n\n"
    found = reading.read(head.encode() + said.encode(encoding), BOX)
    assert (found.text, found.note) == (said, "")


def test_what_cannot_be_read_of_it_is_said():
    raw = b"From: ada@example.com\nContent-Type: text/plain; charset=utf-8\n\n" + b"sch\xf6n"
    assert "could not be read" in reading.read(raw.replace(b"utf-8", b"us-ascii"), BOX).note


def _alternative(*parts):
    body = "".join(f"--b\nContent-Type: {kind}\n\n{said}\n" for kind, said in parts)
    return f"From: ada@example.com\nContent-Type: multipart/alternative; boundary=b\n\n{body}--b--\n".encode()


def test_a_plain_text_that_only_says_that_there_is_another_is_not_taken():
    long = (
        "<p>I want to send back the two pans that came yesterday, since both of them are scratched on the inside.</p>"
    )
    found = reading.read(_alternative(("text/plain", "Needs an HTML viewer."), ("text/html", long)), BOX)
    assert found.text.startswith("I want to send back")
    found = reading.read(
        _alternative(
            ("text/plain", "Send back two pans, please."), ("text/html", "<p>Send back two pans, please.</p>")
        ),
        BOX,
    )
    assert found.text == "Send back two pans, please."


@pytest.mark.parametrize("kind", ["text/calendar", "text/x-amp-html", "text/vcard"])
def test_other_kinds_of_text_are_no_words(kind):
    found = reading.read(_alternative(("text/plain", "See you on Monday."), (kind, "BEGIN:SOMETHING")), BOX)
    assert found.text == "See you on Monday."
    assert [one["type"] for one in found.attachments] == [kind]
