"""Settings of every Remit process: web, worker, watchdog and `manage.py` commands.

What differs between installations comes from the environment:

    DATABASE_URL          a PostgreSQL of your own; without it a private one is started (config/postgres.py)
    REMIT_SECRET_KEY      signs sessions; required when REMIT_DEMO is 0
    REMIT_WEBHOOK_KEY     secrets of webhooks are derived from it; without it from REMIT_SECRET_KEY
    REMIT_VAULT_KEYS      comma-separated: the first seals passwords of shops and mailboxes, all of them open; without it
                          REMIT_SECRET_KEY
    REMIT_DEMO            1 (default): demo brands and log-ins, http on loopback; 0: a real installation
    REMIT_ALLOWED_HOSTS   comma-separated host names
    REMIT_TRUSTED_PROXIES reverse proxies before the web server, for addresses that keys may call from (0)
    REMIT_SITE_URL        where links in notices lead
    REMIT_NOTIFY_WEBHOOK  an address that hears every notice, as JSON
    REMIT_SMTP_HOST …     _PORT, _USER, _PASSWORD, _TLS and REMIT_MAIL_FROM: the server that sends notices; none: the log
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import postgres

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"

DEMO = os.environ.get("REMIT_DEMO", "1") == "1"
DEBUG = False
SECRET_KEY = os.environ.get("REMIT_SECRET_KEY") or ("demo-key-for-loopback-only-" * 2 if DEMO else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set REMIT_SECRET_KEY: an installation that is not a demo needs its own key.")
ALLOWED_HOSTS = os.environ.get("REMIT_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "apps.reach.apps.ReachConfig",
    "apps.learning.apps.LearningConfig",
    "apps.interactions.apps.InteractionsConfig",
    "apps.policies.apps.PoliciesConfig",
    "apps.reach.apps.RemitAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_fsm",
    "django_htmx",
    "formtools",
    "django_q",
    "pgtrigger",
    "csp",
]

AUTHENTICATION_BACKENDS = ["apps.policies.staff_backend.StaffBackend"]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.policies.middleware.CorrelationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.reach.middleware.PersonTimeZoneMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.reach.navigation.navigation",
            ],
        },
    },
]

DATABASES = {"default": postgres.database_settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "reach:sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "reach:sign-in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "static/"
STATIC_ROOT = LOCAL_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.interactions.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.interactions.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.interactions.api.bodies.Json"],
    "EXCEPTION_HANDLER": "apps.interactions.api.problems.as_problem",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "DEFAULT_SCHEMA_CLASS": "apps.interactions.api.schema.Schema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Remit",
    "VERSION": "1",
    "DESCRIPTION": "Send interactions, keep the mirror of your shop up to date, hear what is decided. docs/api.md says how.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,  # a caller may ask for some of the fields
    "COMPONENT_SPLIT_REQUEST": True,
    "WEBHOOKS": "apps.interactions.api.event_shapes.WEBHOOKS",
    "POSTPROCESSING_HOOKS": ["apps.interactions.api.schema.with_events", "apps.interactions.api.schema.with_headers"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
# How many reverse proxies of ours stand before the web server: the address of a caller is what the first of them saw.
TRUSTED_PROXIES = int(os.environ.get("REMIT_TRUSTED_PROXIES", "0"))
if TRUSTED_PROXIES:  # they say whether the caller spoke https
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# A batch of 500 interactions of 16 kB; one larger body is refused before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# The row is the queue and the task only wakes a worker (docs/workers.md), so a lost or doubled task is harmless.
# `retry` exceeds `timeout` × prefetched tasks: the ORM broker's lock starts at dequeue, not at the start of work.
TASK_RETRY_SECONDS = 600
# Notices to people on duty: where links lead, and a webhook of the house that hears each of them, too.
SITE_URL = os.environ.get("REMIT_SITE_URL", "http://localhost:8000").rstrip("/")
NOTIFY_WEBHOOK = os.environ.get("REMIT_NOTIFY_WEBHOOK", "")
EMAIL_HOST = os.environ.get("REMIT_SMTP_HOST", "")
EMAIL_PORT = int(os.environ.get("REMIT_SMTP_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("REMIT_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("REMIT_SMTP_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("REMIT_SMTP_TLS", "1") == "1"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("REMIT_MAIL_FROM", "remit@localhost")
# Without a mail server notices stand in the log and on their page.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# What time alone brings about: the task of each sweeper, and every how many minutes it runs.
SWEEPERS = {
    "sweeper": ("apps.interactions.tasks.sweep", 1),
    "learning": ("apps.learning.tasks.sweep", 15),
    "forgetting": ("apps.interactions.tasks.forget", 5),
}
Q_CLUSTER = {
    "name": "remit",
    "orm": "default",
    "workers": int(os.environ.get("REMIT_WORKERS", "2")),
    "poll": 0.05,
    "bulk": 1,
    "queue_limit": 4,
    "timeout": 60,
    "retry": TASK_RETRY_SECONDS,
    "max_attempts": 3,
    "ack_failures": True,
    "save_limit": -1,
    "recycle": 5000,
    "catch_up": False,
    "label": "Workers",
}

# Workers that give no sign of life for this long are started anew; more than a task may take (tasks.LONGEST_SECONDS).
WORKERS_SILENT_SECONDS = int(os.environ.get("REMIT_WORKERS_SILENT_SECONDS", "30"))

CLASSIFIER_DIR = LOCAL_DIR / "classifier"

# Secrets of webhooks are derived from this: whoever changes it changes all of them.
WEBHOOK_KEY = os.environ.get("REMIT_WEBHOOK_KEY") or SECRET_KEY
# What seals the passwords of shops and mailboxes.
VAULT_KEYS = [key for key in os.environ.get("REMIT_VAULT_KEYS", "").split(",") if key] or [SECRET_KEY]
# Whether a webhook may go to http and to this machine: as below. So for shops and mail servers.
WEBHOOKS_MAY_BE_LOCAL = DEMO

# Whether an outside model may have a loopback address: on a machine of one's own, never where strangers type addresses.
OUTSIDE_MODELS_MAY_BE_LOCAL = DEMO

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "apps.policies.correlation.RequestId"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(request_id)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    "root": {"handlers": ["console"], "level": os.environ.get("REMIT_LOG_LEVEL", "WARNING")},
}
