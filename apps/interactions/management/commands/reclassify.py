"""Read the past again with another classifier: `manage.py reclassify --since 2026-11-01 --with FILE.joblib`."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from apps.interactions import reclassifying
from apps.policies.models import Partner


class Command(BaseCommand):
    help = "Show which past cases another classifier would have had handled otherwise. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", required=True, help="A date or a time, like 2026-11-01 or 2026-11-01T09:00+01:00."
        )
        parser.add_argument(
            "--with", dest="model", type=Path, help="A trained file; without one: the model that ships."
        )
        parser.add_argument("--partner", help="Only this brand, by its slug.")
        parser.add_argument("--json", action="store_true", help="A line of JSON for each case that differs.")

    def handle(self, *args: Any, since: str, model: Path | None, partner: str | None, **options: Any) -> None:
        brand = None
        if partner and (brand := Partner.objects.filter(slug=partner).first()) is None:
            raise CommandError(f"There is no brand “{partner}”.")
        reader = _loaded(model) if model else None
        with transaction.atomic():
            connection.cursor().execute("SET TRANSACTION READ ONLY")
            cases = reclassifying.cases_since(_moment(since), brand)
            total = cases.count()
            found = tqdm(reclassifying.read_again(cases, reader), total=total, unit="cases", disable=None)
            differing = [case for case in found if case.otherwise]
        for case in differing:
            self.stdout.write(json.dumps(asdict(case)) if options["json"] else _in_words(case))
        if not options["json"]:
            self.stdout.write(_summary(differing, total))


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


def _in_words(case: reclassifying.ReadAgain) -> str:
    if case.type_then != case.type_now:
        change = f"{case.type_then} → {case.type_now}"
    else:
        change = f"{case.type_then}, {case.handler_then} → {case.handler_now}"
    return f"{case.external_id}: {change} ({case.confidence_then:.2f} → {case.confidence_now:.2f})"


def _summary(differing: list[reclassifying.ReadAgain], total: int) -> str:
    kinds = Counter(
        "another type" if case.handler_now is None else f"{case.handler_then} → {case.handler_now}"
        for case in differing
    )
    parts = [f"{count:,} {kind}" for kind, count in kinds.most_common()]
    return f"{len(differing):,} of {total:,} cases would have been handled otherwise" + (
        f": {'; '.join(parts)}." if parts else "."
    )
