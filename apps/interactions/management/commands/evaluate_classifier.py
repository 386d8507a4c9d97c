"""Score the classifier on labelled messages: `manage.py evaluate_classifier FILE.csv [--json]`."""

import csv
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.interactions.classification import intents, training
from apps.interactions.classification.names import INTENTS
from apps.interactions.classification.scoring import score
from apps.policies.specs import DEFAULT_FLOOR


class Command(BaseCommand):
    help = "Score the classifier on a CSV with the columns text and intent, which it must not have been trained on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="Print everything as JSON.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        result = {"classifier": training.model_version(), **score(intents.guesses(_rows(file)), float(DEFAULT_FLOOR))}
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        for name in ("classifier", "messages", "accuracy", "macro_f1", "expected_calibration_error", "floor",
                     "precision_over_floor", "coverage_over_floor"):  # fmt: skip
            self.stdout.write(f"{name.replace('_', ' '):28} {result.get(name, '–')}")
        for name, row in result.get("classes", {}).items():
            self.stdout.write(
                f"{name:20} {row['messages']:6}  precision {row['precision']:.2f}  recall {row['recall']:.2f}"
            )
        for row in result.get("worst", []):
            self.stdout.write(f"{row['confidence']:.2f} {row['intent']} → {row['guess']}: {row['text']}")


def _rows(file: Path) -> list[tuple[str, str]]:
    """Text and intent of each line. Raises CommandError that names the line."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"text", "intent"} <= set(reader.fieldnames or ()):
                raise CommandError(f"{file} needs the columns text and intent; it has {reader.fieldnames}.")
            found = [(row["text"] or "", row["intent"] or "") for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from None
    known = set(INTENTS)
    for number, (text, intent) in enumerate(found, 2):
        if intent not in known or not text.strip():
            raise CommandError(
                f"Line {number}: a text and one of {', '.join(sorted(known))} are wanted, not “{intent}”."
            )
    return found
