"""Settings of the tests: a private PostgreSQL without fsync, fast password hashes, plain static files."""

import os

os.environ.setdefault("REMIT_POSTGRES_FSYNC", "off")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # the browser driver runs an event loop

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  # where whitenoise looks, collected or not
OUTSIDE_MODELS_MAY_BE_LOCAL = True  # tests speak with a server of their own
