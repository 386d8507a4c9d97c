import os

from django.core.wsgi import get_wsgi_application

from apps.interactions import memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
memory.settle()
