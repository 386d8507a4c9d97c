"""`manage.py runworkers`: the django-q2 cluster and its watchdog, together, until SIGINT or SIGTERM."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from apps.interactions import watchdog
from apps.interactions.classification import training


class Command(BaseCommand):
    help = "Runs the workers and the watchdog that restarts them when they fall silent. Ctrl-C ends both."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda *_: stop.set())
        training.make_ready()  # trained once here, so that no message waits for it
        watchdog.run(stop.is_set)
