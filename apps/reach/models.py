"""What Reach keeps of its own: how somebody likes to look at the queue, and who looks at which case."""

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A choice of filters under a name, for the one who made it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300, blank=True, help_text="As in the address of the queue.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_view_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Presence(models.Model):
    """Somebody has a case open, to read or to decide; it is forgotten when the page no longer says so."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presence")
    escalation = models.ForeignKey("interactions.Escalation", on_delete=models.CASCADE, related_name="presences")
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["escalation", "seen_at"], name="presence_at_case")]

    def __str__(self) -> str:
        return f"{self.user} at {self.escalation_id}"
