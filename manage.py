#!/usr/bin/env python
"""Runs the project's commands: `python manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

from config.postgres import PostgresError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except PostgresError as error:
        sys.exit(str(error))  # prints the sentence and exits with 1


if __name__ == "__main__":
    main()
