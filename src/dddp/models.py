"""No models of its own, but a mixin; with this module Django sends the app `post_migrate`."""

from __future__ import annotations

from django.db import models

from dddp.fields import AleaIdField


class AleaIdMixin(models.Model):
    """A model whose primary key clients can draw too: `id`, an `AleaIdField`."""

    id = AleaIdField(primary_key=True)

    class Meta:
        abstract = True
