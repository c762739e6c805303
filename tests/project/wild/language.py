"""The names that the Python text of querysets and statements is made of."""

import datetime
import uuid
import zoneinfo
from decimal import Decimal

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    JSONField,
    Max,
    Min,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Length, Lower, Upper

from wild import models
from wild.models import Beast, Clan, Cub, Haunt, Lair, Note, Pet, Place, Tag

MODELS = (Beast, Clan, Cub, Haunt, Lair, Note, Pet, Place, Tag)


def sql(statement):
    """Run a statement, written as it is."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def about(model):
    """For the generic relation: the id of a model's content type."""
    return ContentType.objects.get_for_model(model).pk


NAMES = {
    each.__name__: each
    for each in (
        *MODELS,
        Case,
        Coalesce,
        Count,
        Decimal,
        Exists,
        F,
        JSONField,
        Length,
        Lower,
        Max,
        Min,
        OuterRef,
        Q,
        Subquery,
        Sum,
        Upper,
        User,
        Value,
        When,
        about,
        datetime,
        models,
        sql,
        uuid,
        zoneinfo,
    )
}


def evaluate(text):
    """The value of an expression."""
    return eval(text, {"__builtins__": {"float": float, "range": range}, **NAMES})
