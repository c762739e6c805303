"""What a client must hold, found without any of the package: querysets run by the ORM.

Values go from what the ORM gives to what a client decodes, as the reference documents it.
"""

import datetime as dt
import math
import uuid
from decimal import Decimal

from django.contrib.auth.models import User

from wild.language import evaluate
from wild.models import Beast, Clan, Place

# Collections of beasts besides the first: the fields they publish, and whom they are for.
FIELDS = {
    "wild.ruled": ("text", "number", "clan_id"),
    "wild.described": ("text", "moment", "tags_ids", "summary"),
}
WITHOUT_TAGS = ("wild.critter", "wild.owned")


def documents(texts, user_id=None):
    """Collection -> id -> fields of a client that has subscribed to these, in this order.

    A field that several of them publish has the value of the first.
    """
    found = {}
    for text in texts:
        queryset, name = queryset_of(text)
        collection = found.setdefault(name, {})
        for row in queryset:
            if may_see(user_id, row, name):
                fields = collection.setdefault(id_of(row), {})
                for field, value in published(row, queryset.query, name).items():
                    fields.setdefault(field, value)
    return {collection: rows for collection, rows in found.items() if rows}


def may_see(user_id, row, collection):
    if collection not in ("wild.owned", "wild.ruled"):
        return True
    user = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    if user is None:
        return False
    row = Beast.objects.get(pk=row.pk)
    if collection == "wild.owned":
        return user.is_superuser or row.owner_id == user.pk
    ruled = Clan.objects.filter(pk=row.clan_id, chief_id=user.pk).exists()
    return row.number is not None and (ruled or row.owner_id == user.pk)


def queryset_of(text):
    """The queryset, and the collection it is published as."""
    found = evaluate(text)
    return found if isinstance(found, tuple) else (found, found.model._meta.label_lower)


def identity(text):
    """What tells live queries apart: collection and SQL, with its parameters."""
    queryset, name = queryset_of(text)
    return name, str(queryset.query)


def published(row, query, collection):
    fields = all_fields(row, query)
    if collection in WITHOUT_TAGS:
        fields.pop("tags_ids", None)
    if collection == "wild.described":
        fields["summary"] = row.summary
    chosen = (*FIELDS.get(collection, fields), *query.annotation_select)
    return {name: value for name, value in fields.items() if name in chosen}


def all_fields(row, query):
    absent = row.get_deferred_fields()
    fields = {
        field.attname: as_key(field, getattr(row, field.attname))
        if field.is_relation
        else on_the_wire(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if not field.primary_key and field.attname not in {*absent, "aid"}
    }
    for name in query.annotation_select:
        fields[name] = on_the_wire(getattr(row, name))
    for field in row._meta.many_to_many:
        names, deferred = query.deferred_loading
        if (field.name in names) is not deferred:
            fields[f"{field.name}_ids"] = related(row, field)
    return fields


def related(row, field):
    """Ids across a many-to-many relation, in their order, from the table between."""
    through = field.remote_field.through._base_manager
    source, target = field.m2m_field_name(), field.m2m_reverse_field_name()
    rows = through.filter(**{f"{source}_id": row.pk}).order_by(f"{target}_id")
    keys = rows.values_list(f"{target}_id", flat=True)
    if field.related_model is not Place:
        return [str(key) for key in keys]
    ids = dict(Place.objects.values_list("pk", "aid"))
    return [ids[key] for key in keys if key in ids]


def id_of(row):
    return row.aid if isinstance(row, Place) else str(row.pk)


def as_key(field, value):
    """What refers to nothing leads to no document."""
    if field.related_model is Place:
        return Place.objects.filter(pk=value).values_list("aid", flat=True).first()
    return None if value is None else str(value)


def on_the_wire(value):
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def same(left, right):
    """Equal, in type too, all the way down; NaN equals itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


def differences(expected, seen):
    """A line for each document that differs."""
    lines = []
    for collection in sorted({*expected, *seen}):
        there, here = expected.get(collection, {}), seen.get(collection, {})
        for key in sorted({*there, *here}):
            if key not in here:
                lines.append(f"{collection} {key!r} is missing: {there[key]}")
            elif key not in there:
                lines.append(f"{collection} {key!r} should not be there: {here[key]}")
            else:
                lines += [
                    f"{collection} {key!r} {name}: {here[key].get(name, '-')!r} "
                    f"instead of {there[key].get(name, '-')!r}"
                    for name in sorted({*there[key], *here[key]})
                    if not same(there[key].get(name, "-"), here[key].get(name, "-"))
                ]
    return lines
