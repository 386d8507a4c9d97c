"""`manage.py loadtest`: sends interactions to a server on this machine, and tells how fast it answers."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.interactions import loading


class Command(BaseCommand):
    help = (
        "Sends interactions to a Remit on this machine for a bounded time and prints calls a second and latency as JSON. The "
        "cases are real: use a brand made for it (manage.py partner create)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('REMIT_PORT', '8000')}")
        parser.add_argument("--key", required=True, help="an API key with interactions:write")
        parser.add_argument("--seconds", type=float, default=10)
        parser.add_argument("--connections", type=int, default=4)
        parser.add_argument("--batch", type=int, default=1, help="interactions a call")
        parser.add_argument("--a-second", type=float, help="calls, evenly; without it as fast as they are answered")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = loading.load(
                options["url"], options["key"], seconds=options["seconds"], connections=options["connections"],
                batch=options["batch"], a_second=options["a_second"],
            )  # fmt: skip
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(told.as_json()))
