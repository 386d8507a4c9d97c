"""Form fields for lists that are kept as JSON."""

from typing import Any

from django import forms


class ListOfChoices(forms.TypedMultipleChoiceField):
    """Check boxes whose value is a list of texts, as the JSON columns hold it."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(empty_value=[], coerce=str, **options)
