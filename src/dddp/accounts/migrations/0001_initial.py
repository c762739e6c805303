import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hashed_token", models.CharField(editable=False, max_length=44, unique=True)),
                ("password_fingerprint", models.CharField(editable=False, max_length=64)),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("expires", models.DateTimeField(db_index=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("resume", "Login token"), ("session", "Session of a browser")],
                        default="resume",
                        editable=False,
                        max_length=16,
                    ),
                ),
                (
                    "last_used",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("address", models.GenericIPAddressField(blank=True, editable=False, null=True)),
                ("user_agent", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "login token",
                "ordering": ["-last_used"],
            },
        ),
        migrations.CreateModel(
            name="MailToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hashed_token", models.CharField(editable=False, max_length=44, unique=True)),
                ("password_fingerprint", models.CharField(editable=False, max_length=64)),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("expires", models.DateTimeField(db_index=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("reset", "Set a new password"),
                            ("enroll", "Set a first password"),
                            ("verify", "Verify an e-mail address"),
                        ],
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("address", models.EmailField(editable=False, max_length=254)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "mail token",
                "ordering": ["-created"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "purpose"), name="ddp_accounts_one_mail_token"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="VerifiedEmail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.EmailField(max_length=254)),
                ("verified", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ddp_verified_emails",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "verified e-mail address",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "address"), name="ddp_accounts_verified_once"
                    )
                ],
            },
        ),
    ]
