import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from apps.interactions.classification import training  # noqa: E402  (the applications are loaded now)

training.make_ready()  # before the first request, which would wait for it, and others with it
