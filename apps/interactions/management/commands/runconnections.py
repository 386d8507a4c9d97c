"""`manage.py runconnections`: calls shops and mail servers, until SIGINT or SIGTERM."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from apps.interactions import connections
from apps.interactions.mail import fetching, sending
from apps.interactions.shops import acting, mirroring


class Command(BaseCommand):
    help = "Carries out effects in shops, reads shops and mailboxes, sends mail. Any number may run at once. Ctrl-C ends it."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda *_: stop.set())
        connections.run([acting.DESK, acting.ASKING, mirroring.DESK, fetching.DESK, sending.DESK], stop.is_set)
