"""django-helpdesk with as many tickets as Reach has cases. Run by `peer.py` with the Python of an environment of its own.

Reads the database's URL from DATABASE_URL and `total waiting rounds` from the command line; prints
`{"list": [seconds, …], "open": […], "close": […]}`.
"""

import json
import os
import sys
import time
from urllib.parse import parse_qs, unquote, urlsplit

import django
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

ADDRESS = urlsplit(os.environ["DATABASE_URL"])
urlpatterns: list[URLPattern | URLResolver] = []


def main(total: int, waiting: int, rounds: int) -> None:
    settings.configure(
        SECRET_KEY="a benchmark",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        MEDIA_ROOT=os.environ["HELPDESK_MEDIA"],
        STATIC_URL="/static/",
        HELPDESK_TEAMS_MODE_ENABLED=False,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": ADDRESS.path.lstrip("/"),
                "USER": unquote(ADDRESS.username or ""),
                "HOST": parse_qs(ADDRESS.query)["host"][0],
                "PORT": parse_qs(ADDRESS.query)["port"][0],
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
            "django.contrib.admin", "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize",
            "rest_framework", "helpdesk",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        SITE_ID=1,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )  # fmt: skip
    django.setup()
    urlpatterns.append(path("helpdesk/", include("helpdesk.urls", namespace="helpdesk")))
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    first = _seed(total, waiting)
    print(json.dumps(_measure(first, rounds)))


def _seed(total: int, waiting: int) -> int:
    """As many tickets, each with the customer's message and an answer; the last `waiting` are open."""
    from django.db import connection
    from helpdesk.models import FollowUp, Queue, Ticket

    queue = Queue.objects.create(title="Bench", slug="bench")
    model = Ticket.objects.create(
        title="Refund 2,340 on #1047, 17 days past the window?", queue=queue, submitter_email="a@customer.example",
        description="I want to return this and get a refund, please send me a return label.", secret_key="secret",
    )  # fmt: skip
    follow = FollowUp.objects.create(
        ticket=model, title="Comment", comment="We have refunded what you paid.", public=True
    )
    first = model.pk + 1
    with connection.cursor() as cursor:
        for row, changed in (
            (model, {"id": f"{first} + n", "status": f"CASE WHEN n < {total - waiting} THEN 4 ELSE 1 END",
                     "created": "now() - make_interval(mins => n / 3)", "submitter_email": "n || '@customer.example'"}),
            (follow, {"id": f"{follow.pk} + 1 + n", "ticket_id": f"{first} + n"}),
        ):  # fmt: skip
            names = [field.column for field in row._meta.concrete_fields]
            values = ", ".join(changed.get(name, f'm."{name}"') for name in names)
            columns = ", ".join(f'"{name}"' for name in names)
            cursor.execute(
                f"INSERT INTO {row._meta.db_table} ({columns}) SELECT {values} FROM {row._meta.db_table} m,"
                f" generate_series(0, {total - 1}) n WHERE m.id = {row.pk}"
            )
            cursor.execute(f"SELECT setval('{row._meta.db_table}_id_seq', {first + total})")
        cursor.execute("VACUUM ANALYZE")
    return first + total - waiting


def _measure(first_open: int, rounds: int) -> dict[str, list[float]]:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse
    from helpdesk.query import query_to_base64

    client = Client(SERVER_NAME="localhost", raise_request_exception=True)
    client.force_login(User.objects.create_superuser("bench", "bench@shop.example", "bench"))
    shown = {"filtering": {"status__in": [1, 2]}, "sorting": "created", "search_string": "", "sortreverse": False}
    rows = reverse("helpdesk:datatables_ticket_list", args=[query_to_base64(shown)])
    found: dict[str, list[float]] = {"list": [], "open": [], "close": []}

    def requested(name: str, *requests: tuple[str, dict[str, object] | None]) -> None:
        started = time.perf_counter()
        answers = [client.get(url) if data is None else client.post(url, data) for url, data in requests]
        found[name].append(time.perf_counter() - started)
        assert all(answer.status_code in (200, 302) for answer in answers), (name, [a.status_code for a in answers])

    for number in range(rounds):
        one = reverse("helpdesk:view", args=[first_open + number])
        if number % 10 == 0:  # the page, and the rows its script asks for
            requested("list", (reverse("helpdesk:list"), None), (rows, None))
        requested("open", (one, None))
        close = {"new_status": "4", "comment": "We have refunded what you paid.", "public": "1", "owner": "1",
                 "title": "Refund 2,340 on #1047, 17 days past the window?", "priority": "3", "queue": "1",
                 "submitter_email": f"{number}@customer.example", "body": "I want to return this."}  # fmt: skip
        requested("close", (reverse("helpdesk:update", args=[first_open + number]), close))
    from helpdesk.models import Ticket

    closed = Ticket.objects.filter(pk__gte=first_open, pk__lt=first_open + rounds, status=4).count()
    assert closed == rounds, f"{closed} of {rounds} were closed"
    return {name: seconds[len(seconds) // 20 :] for name, seconds in found.items()}  # the first ones only warm it up


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
