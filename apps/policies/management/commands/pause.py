"""`manage.py pause`: stop the AI at once, from a shell."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from apps.policies import pauses
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner
from apps.policies.words import Action, CaseType


class Command(BaseCommand):
    help = (
        "Stops the AI at once: for everything, or for a partner, a boundary's brands, a type or an action. Two people lift it "
        "in the admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", help="why: the people who find the AI stopped will ask")
        parser.add_argument("--user", required=True, help="the log-in of the one who pauses")
        parser.add_argument("--partner", default="", help="the slug of a brand; without it every brand is paused")
        parser.add_argument("--boundary", default="", help="the name of a boundary; every brand that uses it is paused")
        parser.add_argument("--type", default="", metavar="TYPE", help=f"one of {', '.join(CaseType.values)}")
        parser.add_argument("--action", default="", help=f"one of {', '.join(Action.values)}")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no log-in “{options['user']}”.")
        if not user.has_perm("policies.add_pause"):
            raise CommandError(f"{options['user']} may not pause: an ops manager does.")
        partner = Partner.objects.filter(slug=options["partner"]).first()
        if options["partner"] and partner is None:
            raise CommandError(f"There is no partner “{options['partner']}”.")
        boundary = Boundary.objects.filter(name=options["boundary"]).first()
        if options["boundary"] and boundary is None:
            raise CommandError(f"There is no boundary “{options['boundary']}”.")
        try:
            made = pauses.pause(
                user, options["reason"], partner=partner, boundary=boundary, case_type=options["type"],
                action=options["action"],
            )  # fmt: skip
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Paused: {made.scope_in_words()}. Two people lift it: Pauses, in the admin.")
