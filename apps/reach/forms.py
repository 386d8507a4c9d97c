"""What the decision panel posts, read and checked; what it means is decided in `interactions.deciding`."""

from typing import Any
from uuid import UUID

from django import forms

from apps.interactions.choosing import Choice

LONGEST_REPLY = 20_000


class DecisionForm(forms.Form):
    packet_version = forms.IntegerField(min_value=1)
    lease_token = forms.UUIDField()
    option = forms.IntegerField(min_value=0, max_value=50, required=False)
    edited = forms.BooleanField(required=False)
    amount = forms.CharField(max_length=20, required=False)
    reply = forms.CharField(max_length=LONGEST_REPLY, required=False, strip=False)
    reason_code = forms.CharField(max_length=40, required=False)
    rationale = forms.CharField(max_length=2000, required=False)
    question = forms.CharField(max_length=LONGEST_REPLY, required=False)
    wrong_part = forms.CharField(max_length=10, required=False)
    asked_for = forms.CharField(max_length=20, required=False)
    unlike = forms.CharField(max_length=2000, required=False)

    def choice(self, *, asks: bool) -> Choice:
        """What was chosen. Amount and reply count only when the editor was open; a question only when one was asked."""
        data: dict[str, Any] = self.cleaned_data
        edited = data["edited"] and not asks
        return Choice(
            packet_version=data["packet_version"],
            lease_token=data["lease_token"],
            option=data["option"] or 0,
            amount=data["amount"] if edited else None,
            reply=data["reply"] if edited else None,
            reason_code=data["reason_code"],
            rationale=data["rationale"],
            question=data["question"] if asks else "",
            wrong_part=data["wrong_part"],
            asked_for=data["asked_for"],
            unlike=data["unlike"],
        )

    def seen_version(self) -> int | None:
        """The packet that the page showed, also of a form with mistakes elsewhere."""
        said = str(self.data.get("packet_version", ""))
        return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else None

    def typed(self) -> dict[str, str]:
        """The words of a decision that was refused, so that nobody types them twice."""
        names = (
            "rationale",
            "question",
            "reason_code",
            "option",
            "wrong_part",
            "asked_for",
            "unlike",
            *(("reply", "amount") if self.data.get("edited") else ()),
        )
        return {name: str(self.data[name]) for name in names if self.data.get(name)}


class CheckForm(forms.Form):
    option = forms.IntegerField(min_value=0, max_value=50, required=False)
    amount = forms.CharField(max_length=20, required=False)
    reply = forms.CharField(max_length=LONGEST_REPLY, required=False, strip=False)


class AuditForm(forms.Form):
    place = forms.IntegerField(min_value=0, max_value=50, error_messages={"required": "Choose what you would do."})
    amount = forms.CharField(max_length=20, required=False)
    rationale = forms.CharField(max_length=2000, required=False)


class JudgeForm(AuditForm):
    packet_version = forms.IntegerField(min_value=1)
    lease_token = forms.UUIDField()


class ReviewForm(forms.Form):
    verdict = forms.CharField(max_length=5, required=False)
    wrong_part = forms.CharField(max_length=10, required=False)
    asked_for = forms.CharField(max_length=20, required=False)
    words = forms.CharField(max_length=2000, required=False)


class HoldForm(forms.Form):
    """Acts on a case that is held: heartbeat, release, skip, hand on, agree."""

    lease_token = forms.UUIDField()
    note = forms.CharField(max_length=2000, required=False)

    @property
    def token(self) -> UUID | None:
        token: UUID | None = self.cleaned_data.get("lease_token")
        return token


class AlikeForm(forms.Form):
    """`case` values are "escalation:packet version", `read` the escalations that were read."""

    label = forms.CharField(max_length=120, error_messages={"required": "Choose what to do with all of them."})
    reason_code = forms.CharField(max_length=40, required=False)
    rationale = forms.CharField(max_length=2000, required=False)
    wrong_part = forms.CharField(max_length=10, required=False)
    unlike = forms.CharField(max_length=2000, required=False)

    def versions(self) -> dict[int, int]:
        pairs = [text.split(":") for text in self.data.getlist("case")]  # type: ignore[attr-defined]
        return {int(pair[0]): int(pair[1]) for pair in pairs if len(pair) == 2 and all(map(_is_number, pair))}

    def numbers(self, name: str) -> list[int]:
        return [int(text) for text in self.data.getlist(name) if _is_number(text)]  # type: ignore[attr-defined]


class HandForm(HoldForm):
    colleague = forms.IntegerField(required=False)


class ViewForm(forms.Form):
    name = forms.CharField(max_length=40, error_messages={"required": "Give the view a name first."})


class NoteForm(forms.Form):
    note = forms.CharField(max_length=2000, error_messages={"required": "Write the note first."})


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def first_error(form: forms.Form) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{name.replace('_', ' ').capitalize()}: {errors[0]}"
