"""Settings for the type checker, which reads models but needs no running database."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/none")

from config.settings import *  # noqa: F403
