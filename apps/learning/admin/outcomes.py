"""The weekly looks at outcomes."""

from django.contrib import admin
from django.template.loader import render_to_string

from apps.learning import outcomes
from apps.learning.models import OutcomeLook
from apps.policies.admin.base import OfPartners, ReadOnly


@admin.register(OutcomeLook)
class OutcomeLookAdmin(OfPartners, ReadOnly):
    nothing_yet = "No week was looked at yet. Each Monday compares what became of cases with what usually does."
    ordering = ("-week", "partner__name")
    list_display = ("week", "partner", "alarms")
    list_filter = ("partner",)
    fields = ("partner", "week", "alarms", "found")
    readonly_fields = fields

    @admin.display(description="What was compared")
    def found(self, look: OutcomeLook) -> str:
        rows = [
            {"words": row.in_words(), "alarms": chance <= outcomes.LEVEL, "chance": outcomes.chance_in_words(chance)}
            for row, chance in outcomes.rows_in_words(look)
        ]
        level = outcomes.chance_in_words(outcomes.LEVEL)
        return render_to_string("admin/learning/_outcomes.html", {"rows": rows, "level": level})
