"""`manage.py setup_demo`: demo brands, log-ins and a few waiting cases, where they are missing."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.interactions import demo, demo_cases, demo_staff, tasks
from apps.interactions.models import Interaction

# Two brands share the demo boundary, as 800 brands share a handful.
BRANDS = {
    "glow": ("Glow & Co", {"mira", "priya", "hana", "nora"}),
    "oru": ("Oru Home", {"jonas", "theo", "luca", "omar"}),
}


class Command(BaseCommand):
    help = "Makes the demo brands, log-ins and waiting cases that are missing; what is there stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--log-ins", action="store_true", help="only print the demo log-ins")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            demo.settings_for_types()
            self.stdout.write("No demo: make the first log-in with `manage.py createsuperuser`.")
        elif options["log_ins"]:
            self._print_log_ins()
        else:
            self._make()

    def _make(self) -> None:
        for slug, (name, customers) in BRANDS.items():
            partner = demo.demo_partner(slug, name)
            if not Interaction.objects.of(partner).exists():
                demo_cases.send(partner, f"{slug}-", timezone.now(), customers)
        demo_staff.hire()
        while not tasks.workers_are_alive() and tasks.advance():
            pass

    def _print_log_ins(self) -> None:
        self.stdout.write(f"Log-ins, each with the password {demo_staff.PASSWORD}:")
        for person in demo_staff.PEOPLE:
            self.stdout.write(f"  {person.username:<6} {person.role or 'Administrator':<18} {person.does}")
