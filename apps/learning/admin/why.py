"""The box for a reason beside an action."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ActionForm
from django.http import HttpRequest

from apps.policies.errors import Refused


class WhyForm(ActionForm):
    why = forms.CharField(required=False, label="Why", widget=forms.TextInput(attrs={"size": 40}))


def told(request: HttpRequest, act: Callable[[], object]) -> None:
    """What came of an act, as a message."""
    try:
        messages.success(request, f"{act()}: done.")
    except Refused as refusal:
        messages.warning(request, str(refusal))
