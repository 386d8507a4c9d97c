from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ReachConfig(AppConfig):
    name = "apps.reach"
    label = "reach"
    verbose_name = "Reach"


class RemitAdminConfig(AdminConfig):
    default_site = "apps.reach.admin_site.RemitAdminSite"
