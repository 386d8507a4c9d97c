"""Train the classifier anew from the corpus that ships: `manage.py train_classifier`."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from apps.interactions.classification import training


class Command(BaseCommand):
    help = "Train the classifier from its corpus; the same corpus and code give the same file."

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        texts, _ = training.corpus()
        version, file = training.train_anew()
        seconds = time.monotonic() - started
        self.stdout.write(f"Trained {version} on {len(texts):,} messages in {seconds:.1f} s: {file}")
