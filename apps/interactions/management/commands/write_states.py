"""`manage.py write_states`: writes docs/states.md from the code."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.interactions import state_tables


class Command(BaseCommand):
    help = "Writes docs/states.md, the tables and diagrams of every state machine, from the code."

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "states.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(state_tables.markdown(), encoding="utf-8")
        self.stdout.write(f"Wrote {page.relative_to(settings.BASE_DIR)}.")
