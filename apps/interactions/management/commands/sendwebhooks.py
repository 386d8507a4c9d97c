"""`manage.py sendwebhooks`: sends what partners are to hear of, until SIGINT or SIGTERM."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from apps.interactions.webhooks import sending


class Command(BaseCommand):
    help = "Sends webhooks. Any number may run at once. Ctrl-C ends it when what is under way has ended."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda *_: stop.set())
        sending.run(stop.is_set)
