"""Form fields for lists that are kept as JSON."""

from typing import Any

from django import forms


class ListOfChoices(forms.TypedMultipleChoiceField):
    """Check boxes whose value is a list of texts, as the JSON columns hold it."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(empty_value=[], coerce=str, **options)


class LinesField(forms.CharField):
    """A list, written one entry a line."""

    def __init__(self, help_text: str, label: str | None = None) -> None:
        widget = forms.Textarea(attrs={"rows": 3})
        super().__init__(required=False, widget=widget, help_text=help_text, label=label)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.clean(data or "") != (initial or []))

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]
