"""`manage.py ingest`: streams NDJSON files of customers, orders and interactions through intake and mirror."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DataError
from django.utils import timezone
from tqdm import tqdm

from apps.interactions import settlement, submitting
from apps.interactions.demo import demo_partner
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import Partner

LONGEST_LINE = 512 * 1024
WAKE_EVERY = 25
_ACTOR = audit.system("ingest")


class Command(BaseCommand):
    help = (
        "Reads customers, orders and interactions (NDJSON, in the shapes of the API) for one partner. A bad line is "
        "named with its reason and left out; the rest goes on. The same file again changes nothing: what does not "
        "date itself is as of the time of its file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=Path, metavar="F")
        parser.add_argument("--orders", type=Path, metavar="F")
        parser.add_argument("--inbox", type=Path, metavar="F")
        parser.add_argument("--partner", default="demo-night", help="slug; made as a demo brand when it is missing")
        parser.add_argument("--settle", action="store_true", help="wait until nothing is due any more")
        parser.add_argument("--json", action="store_true", help="print the count of states as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        partner = demo_partner(options["partner"])
        self.bad = 0
        for name, submit in (
            ("customers", self._customer),
            ("orders", self._order),
            ("inbox", self._interaction),
        ):
            if options[name] is not None:
                self._stream(partner, options[name], submit, quiet=options["verbosity"] == 0)
        wake_workers()
        if options["settle"]:
            settlement.settle(say=lambda sentence: self.stderr.write(sentence))
        if self.bad:
            self.stderr.write(f"{self.bad} lines were left out; each is named above.")
        if options["json"]:
            counts = settlement.counts(partner, self.sent if options["inbox"] else None)
            self.stdout.write(json.dumps({**counts, "seconds": round(time.monotonic() - started, 1)}))

    def _stream(self, partner: Partner, path: Path, submit: Callable[[Partner, Any], None], *, quiet: bool) -> None:
        try:
            size, lines = path.stat().st_size, _lines(path)
            self.as_of = min(datetime.fromtimestamp(path.stat().st_mtime, UTC), timezone.now())
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        self.sent: list[str] = []
        with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=quiet) as bar:
            for number, line in lines:
                bar.update(len(line))
                if line.strip():
                    self._one(partner, path, number, line, submit)
                if number % WAKE_EVERY == 0:
                    wake_workers()

    def _one(
        self, partner: Partner, path: Path, number: int, line: bytes, submit: Callable[[Partner, Any], None]
    ) -> None:
        try:
            if len(line) > LONGEST_LINE:
                raise Invalid({"line": [f"It has {len(line):,} bytes; the longest may have {LONGEST_LINE:,}."]})
            data = json.loads(line)
            if not isinstance(data, dict):
                raise Invalid({"line": ["It is no JSON object."]})
            submit(partner, data)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            self._complain(path, number, f"no JSON: {error}")
        except Invalid as error:
            self._complain(path, number, str(error))
        except DataError as error:
            self._complain(path, number, f"the database cannot hold it: {error}")

    def _complain(self, path: Path, number: int, reason: str) -> None:
        self.bad += 1
        tqdm.write(f"{path.name} line {number}: {reason}", file=self.stderr)

    def _customer(self, partner: Partner, data: dict[str, Any]) -> None:
        submitting.submit_customer(partner, str(data.get("external_id", "")), data, actor=_ACTOR, as_of=self.as_of)

    def _order(self, partner: Partner, data: dict[str, Any]) -> None:
        submitting.submit_order(partner, str(data.get("number", "")), data, actor=_ACTOR, as_of=self.as_of)

    def _interaction(self, partner: Partner, data: dict[str, Any]) -> None:
        submitting.submit_interaction(partner, data, actor=_ACTOR, as_sent=True, wake=False)
        self.sent.append(str(data["external_id"]))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        yield from enumerate(file, start=1)
