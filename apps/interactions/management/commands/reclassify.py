"""Go through the past again: `manage.py reclassify --since 2026-11-01` with another classifier (`--with FILE.joblib`) or
another drafter (`--drafts`, `--drafts-by MODEL`)."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten
from typing import Any

import joblib
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from apps.interactions import reclassifying, redrafting
from apps.interactions.models import OutsideModel
from apps.policies.models import Partner

Again = reclassifying.ReadAgain | redrafting.DraftedAgain


class Command(BaseCommand):
    help = "Show which past cases another classifier or drafter would have had handled otherwise. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", required=True, help="A date or a time, like 2026-11-01 or 2026-11-01T09:00+01:00."
        )
        parser.add_argument(
            "--with", dest="model", type=Path, help="A trained file; without one: the model that ships."
        )
        parser.add_argument(
            "--drafts", action="store_true", help="Compare replies: today's templates against what was drafted."
        )
        parser.add_argument("--drafts-by", metavar="MODEL", help="The same, with this outside model for brands that chose it "
                            "to write. Its calls are kept and paid like any other.")  # fmt: skip
        parser.add_argument("--partner", help="Only this brand, by its slug.")
        parser.add_argument("--json", action="store_true", help="A line of JSON for each case that differs.")

    def handle(self, *args: Any, since: str, model: Path | None, partner: str | None, **options: Any) -> None:
        brand = None
        if partner and (brand := Partner.objects.filter(slug=partner).first()) is None:
            raise CommandError(f"There is no brand “{partner}”.")
        drafting = options["drafts"] or bool(options["drafts_by"])
        if drafting and model:
            raise CommandError("Compare either classifiers (--with) or drafters (--drafts, --drafts-by).")
        cases = reclassifying.cases_since(_moment(since), brand)
        if drafting:
            writer = _outside(options["drafts_by"])
            with _reading_only() if writer is None else nullcontext():  # a call to a model is kept
                found = self._through(redrafting.drafted_again(cases, writer), cases.count())
        else:
            with _reading_only():
                found = self._through(reclassifying.read_again(cases, _loaded(model) if model else None), cases.count())
        differing = [case for case in found if case.otherwise]
        for case in differing:
            self.stdout.write(json.dumps(asdict(case)) if options["json"] else _in_words(case))
        if not options["json"]:
            self.stdout.write(_summary(differing, found))

    def _through(self, cases: Iterator[Again], total: int) -> list[Again]:
        return list(tqdm(cases, total=total, unit="cases", disable=None))


@contextmanager
def _reading_only() -> Iterator[None]:
    with transaction.atomic():
        connection.cursor().execute("SET TRANSACTION READ ONLY")
        yield


def _outside(name: str | None) -> OutsideModel | None:
    if name is None:
        return None
    model = OutsideModel.objects.filter(name=name, active=True, may_draft=True).first()
    if model is None:
        raise CommandError(f"There is no active outside model “{name}” that may write.")
    return model


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text) if "T" in text or " " in text else None
        day = None if moment else parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is None:
        raise CommandError(f"“{text}” is no date or time; write it like 2026-11-01.")
    moment = moment or datetime(day.year, day.month, day.day)  # type: ignore[union-attr]
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _loaded(file: Path) -> Any:
    """The intents' model in a file that `train_classifier` wrote, or a model of the same kind by itself."""
    try:
        found = joblib.load(file)
    except Exception as error:
        raise CommandError(f"{file} cannot be read as a trained model: {error}") from None
    model = getattr(found, "intents", found)
    if not hasattr(model, "predict_proba"):
        raise CommandError(f"{file} holds a {type(model).__name__}, which gives no probabilities.")
    return model


def _in_words(case: Again) -> str:
    if isinstance(case, redrafting.DraftedAgain):
        change = "other words" if case.handler_then == case.handler_now else f"{case.handler_then} → {case.handler_now}"
        then, now = (shorten(text, 120, placeholder=" …") for text in (case.reply_then, case.reply_now))
        return f"{case.external_id}: {case.case_type}, {change}\n  then: {then}\n  now:  {now}"
    if case.type_then != case.type_now:
        change = f"{case.type_then} → {case.type_now}"
    else:
        change = f"{case.type_then}, {case.handler_then} → {case.handler_now}"
    return f"{case.external_id}: {change} ({case.confidence_then:.2f} → {case.confidence_now:.2f})"


def _summary(differing: Sequence[Again], found: Sequence[Again]) -> str:
    kinds = Counter(_kind(case) for case in differing)
    parts = [f"{count:,} {kind}" for kind, count in kinds.most_common()]
    said = f"{len(differing):,} of {len(found):,} cases would have been handled otherwise"
    unsaid = Counter(case.unsaid for case in found if isinstance(case, redrafting.DraftedAgain) and case.unsaid)
    cannot = [f" Cannot say for {count:,}: {why}." for why, count in unsaid.most_common()]
    return said + (f": {'; '.join(parts)}." if parts else ".") + "".join(cannot)


def _kind(case: Again) -> str:
    if isinstance(case, redrafting.DraftedAgain):
        return "other words" if case.handler_then == case.handler_now else f"{case.handler_then} → {case.handler_now}"
    return "another type" if case.handler_now is None else f"{case.handler_then} → {case.handler_now}"
