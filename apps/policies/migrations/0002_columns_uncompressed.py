"""Arrays of the column store are kept as they are: compressing them costs more than their room."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE policies_rulingcolumn ALTER COLUMN data SET STORAGE EXTERNAL",
            "ALTER TABLE policies_rulingcolumn ALTER COLUMN data SET STORAGE EXTENDED",
        )
    ]
