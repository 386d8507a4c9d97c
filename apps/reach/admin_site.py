from django.contrib import admin


class RemitAdminSite(admin.AdminSite):
    """The admin, in Remit's own dress."""

    site_header = "Remit"
    site_title = "Remit"
    index_title = "Boundaries, partners and operations"
    site_url = "/"
    enable_nav_sidebar = True
