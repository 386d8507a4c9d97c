"""`manage.py partner create`, `partner sandbox`, `partner checklist`: a new brand, a place to try things out, and
what is missing before its AI goes live."""

import json
from argparse import ArgumentParser
from datetime import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.interactions import onboarding
from apps.policies import audit
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Partner


class Command(BaseCommand):
    help = "Makes a brand with everything it needs (create), or says what is missing before it goes live (checklist)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser(
            "create", help="a brand, its Terms, stages, two keys and a webhook; keys are shown once"
        )
        create.add_argument("slug", help="short name for addresses, like lumi-skin")
        create.add_argument("--name", required=True, help="as customers know it")
        create.add_argument("--boundary", required=True, help="the name of the boundary that rules it")
        create.add_argument("--currency", default="USD")
        create.add_argument("--time-zone", default="UTC", help="like Europe/Amsterdam")
        create.add_argument(
            "--opens", type=_time, default=time(8), help="when people start answering, in its time zone"
        )
        create.add_argument("--closes", type=_time, default=time(20))
        create.add_argument(
            "--weekdays", default="", help="days people answer, 0 is Monday, like 0,1,2,3,4; without it all"
        )
        create.add_argument("--holidays", default="", help="dates nobody answers, like 2026-12-25,2026-12-26")
        create.add_argument("--languages", default="en", help="that its people answer in, like en,nl")
        create.add_argument("--return-days", type=int, default=30)
        create.add_argument("--greeting", default="Hi {name},")
        create.add_argument("--sign-off", default="Kind regards,\n{brand}")
        create.add_argument("--webhook", default="", help="the https address that hears of events")
        create.add_argument("--contact", default="", help="e-mail of whoever is told when the webhook stops")
        create.add_argument("--json", action="store_true")
        create.add_argument("--no-sandbox", action="store_true", help="without a twin to try things out with")
        twin = acts.add_parser("sandbox", help="a key to the brand's sandbox, which is made when it is missing")
        twin.add_argument("slug")
        check = acts.add_parser("checklist", help="what going live asks for; ends with 1 while something is missing")
        check.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        {"create": self._create, "sandbox": self._sandbox, "checklist": self._checklist}[options["act"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        wanted = onboarding.Wanted(
            slug=options["slug"], name=options["name"], boundary=options["boundary"], currency=options["currency"],
            time_zone=options["time_zone"], opens_at=options["opens"], closes_at=options["closes"],
            staffed_weekdays=_weekdays(options["weekdays"]),
            holidays=_parts(options["holidays"]), languages=_parts(options["languages"]),
            return_days=options["return_days"], greeting=options["greeting"], sign_off=options["sign_off"],
            webhook=options["webhook"], contact=options["contact"], sandbox=not options["no_sandbox"],
        )  # fmt: skip
        try:
            made = onboarding.create(wanted, actor=audit.system("partner create"))
        except Invalid as error:
            raise CommandError("\n".join(f"{name}: {' '.join(said)}" for name, said in error.errors.items())) from None
        told = {key.name: key.issued for key in made.keys}
        if options["json"]:
            self.stdout.write(
                json.dumps({"partner": made.partner.slug, "keys": told, "webhook_secret": made.webhook_secret})
            )
            return
        self.stdout.write(f"{made.partner} is there; people do everything until two of them move a type on.\n")
        for name, key in told.items():
            self.stdout.write(f"  {name:<12} {key}")
        if made.webhook_secret:
            self.stdout.write(f"  {'webhook':<12} {made.webhook_secret}")
        self.stdout.write(
            "\nCopy them now: they are not shown again. Then: manage.py partner checklist " + made.partner.slug
        )

    def _sandbox(self, options: dict[str, Any]) -> None:
        try:
            key = onboarding.sandbox(_partner(options["slug"]), actor=audit.system("partner sandbox"))
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{key.issued}\nIt opens {key.partner}, where nothing has an effect. It is not shown again.")

    def _checklist(self, options: dict[str, Any]) -> None:
        partner = _partner(options["slug"])
        checks = onboarding.checklist(partner, timezone.now())
        for check in checks:
            self.stdout.write(f"{'✓' if check.met else '·'} {check.label}: {check.value}")
        missing = sum(not check.met for check in checks)
        if missing:
            raise CommandError(f"{missing} of {len(checks)} are missing.", returncode=1)
        self.stdout.write("Nothing is missing. Two people move each type on: Partners, in the admin.")


def _partner(slug: str) -> Partner:
    found = Partner.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no partner “{slug}”.")
    return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _time(text: str) -> time:
    return time.fromisoformat(text)


def _weekdays(text: str) -> list[int]:
    days = _parts(text)
    if not all(day.isascii() and day.isdigit() for day in days):
        raise CommandError(f"staffed_weekdays: “{text}” is not read. Write days as numbers, 0 is Monday: 0,1,2,3,4.")
    return [int(day) for day in days]
