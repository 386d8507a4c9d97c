"""The column store: rulings once more, side by side, so that a million of them are replayed in a second or two.

A copy that can be made anew from the rulings at any time; the rulings stay the record.
"""

from django.db import models


class RulingChunk(models.Model):
    """A run of rulings by id that were copied together."""

    first_id = models.BigIntegerField(unique=True)
    last_id = models.BigIntegerField(unique=True)
    count = models.PositiveIntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()

    class Meta:
        ordering = ["first_id"]

    def __str__(self) -> str:
        return f"rulings {self.first_id} to {self.last_id}"


class RulingColumn(models.Model):
    """One array of a chunk: raw numbers of `dtype`; `words` are what codes and bits stand for."""

    chunk = models.ForeignKey(RulingChunk, on_delete=models.CASCADE, related_name="columns")
    name = models.CharField(max_length=80)
    dtype = models.CharField(max_length=8)
    words = models.JSONField(default=list)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chunk", "name"], name="column_once_a_chunk")]

    def __str__(self) -> str:
        return f"{self.name} of {self.chunk}"
