import uuid

from django.db import migrations, models

import dddp.fields


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Person",
            [
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True)),
                ("aid", dddp.fields.AleaIdField()),
                ("badge", models.CharField(max_length=20, unique=True)),
                ("motto", models.CharField(blank=True, max_length=50)),
            ],
        )
    ]
