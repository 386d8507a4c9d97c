"""A database of its own on the private server, with fsync as in operation, gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.faults.processes import environment_of_test_database


@contextmanager
def bench_database() -> Iterator[dict[str, str]]:
    """Yields the environment in which `manage.py` works on it."""
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield environment_of_test_database()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
