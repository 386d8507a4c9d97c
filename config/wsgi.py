import os

from django.core.wsgi import get_wsgi_application

from apps.interactions import memory
from config.chunked import Whole

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = Whole(get_wsgi_application())
memory.settle()
