"""Few values of each kind, as Python text: few enough that rows and parameters often meet.

Awkward ones: NULL, empty, equal to some comparisons and different to others, what looks like
EJSON, zones and the hour that clocks repeat, text that folds, combines or runs right to left.
"""

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models as fields

from wild.language import MODELS
from wild.models import Beast, CaseInsensitive, Clan, Cub, Haunt, Lair, Note, Pet, Place, Tag

TEXTS = (
    "'a'",
    "'A'",
    "'b'",
    "''",
    "' a'",
    "'ä'",
    "'a\\u0308'",
    "'ß'",
    "'ı'",
    "'İ'",
    "'🦊'",
    "'\\u202eשלום'",
    "'%'",
    "'_'",
    "'\\\\'",
    '"\'"',
    "'\\n'",
    "'null'",
)
DAYS = (
    "datetime.date(2024, 2, 29)",
    "datetime.date(2024, 3, 1)",
    "datetime.date(1999, 12, 31)",
    "datetime.date(1, 1, 1)",
)
BERLIN = "zoneinfo.ZoneInfo('Europe/Berlin')"
MOMENTS = (
    "datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)",
    "datetime.datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=datetime.UTC)",
    "datetime.datetime(2024, 2, 29, 12, 0, 0, 123999, tzinfo=datetime.UTC)",
    "datetime.datetime(2024, 2, 29, 17, 30, "
    "tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))",
    f"datetime.datetime(2026, 10, 25, 2, 30, tzinfo={BERLIN})",
    f"datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo={BERLIN})",
    "datetime.datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC)",
)
UUIDS = tuple(f"uuid.UUID(int={number})" for number in (1, 2, 2**128 - 1))
TREES = (
    "{'a': 1}",
    "{'a': 1.0}",
    "{'a': True}",
    "{'a': {'b': [1, None]}}",
    "{'a': None}",
    "{}",
    "[]",
    "[1, 'a']",
    "1",
    "1.5",
    "True",
    "'a'",
    "''",
    "{'$date': 5}",
    "{'$escape': {'$date': 5}}",
    "12345678901234567890",
)

DOMAINS = {
    "text": TEXTS,
    "int": ("0", "1", "2", "3", "-1"),
    "decimal": tuple(f"Decimal('{each}')" for each in ("0", "1", "1.5", "1.500", "0.001", "-1")),
    "float": ("0.0", "1.0", "0.1", "0.30000000000000004", "-1.5", "1e300", "float('inf')"),
    "bool": ("True", "False"),
    "date": DAYS,
    "moment": MOMENTS,
    "json": TREES,
    "array": ("[]", "['a']", "['a', 'b']", "[None, 'a']", "['']", "['NULL']", "['{,\"}']"),
    "uuid": UUIDS,
    # What only lookups take.
    "regex": ("'a'", "'^a'", "'b$'", "'.'", "'^$'", "'[aä]'"),
    "year": ("2024", "1999", "1"),
    "month": ("2", "12"),
    "key": ("'a'", "'b'", "'$date'"),
    "texts": ("['a']", "['a', 'b']", "[]", "['']"),
    # Keys.
    "Beast": ("1", "2", "3", "4", "5"),
    "Clan": ("'a'", "'A'", "''", "'-'", "'0123456789abcdef01234567'"),
    "Cub": ("1", "2", "3"),
    "Haunt": ("1", "2", "3", "4", "5", "6"),
    "Lair": ("1", "2", "3"),
    "Note": ("1", "2", "3", "4"),
    "Place": ("1", "2", "3"),
    "Tag": UUIDS,
    "User": ("1", "2", "3"),
    "type": ("about(Beast)", "about(Place)"),
}
DOMAINS["Pet"] = DOMAINS["target"] = DOMAINS["Beast"]

KINDS = {
    CaseInsensitive: "text",
    fields.TextField: "text",
    fields.CharField: "text",
    fields.IntegerField: "int",
    fields.DecimalField: "decimal",
    fields.FloatField: "float",
    fields.BooleanField: "bool",
    fields.DateField: "date",
    fields.DateTimeField: "moment",
    fields.JSONField: "json",
    ArrayField: "array",
    fields.UUIDField: "uuid",
}
ORDERED = ("int", "decimal", "float", "date", "moment")
USER_COLUMNS = {"username": "text", "is_active": "bool"}


def columns(model):
    """A model's columns without keys: name -> kind."""
    if model is User:
        return USER_COLUMNS
    return {
        field.name: KINDS[type(field)]
        for field in model._meta.concrete_fields
        if not (field.is_relation or field.primary_key or field.name in ("aid", "target_id"))
    }


def keys(model):
    """A model's foreign keys that are columns of its own: attribute -> domain."""
    found = {
        field.attname: field.related_model.__name__
        for field in model._meta.concrete_fields
        if field.is_relation and not field.primary_key
    }
    if model is Note:
        found |= {"target_type_id": "type", "target_id": "target"}
    return found


def relations(model):
    """What lookups can follow: name -> (model there, are there several)."""
    return RELATIONS[model]


def _relations(model):
    found = {
        field.name: (field.related_model, bool(field.one_to_many or field.many_to_many))
        for field in model._meta.get_fields()
        if field.related_model in (*MODELS, User) and "+" not in field.name
    }
    if model is Note:
        found |= {"beast": (Beast, False), "place": (Place, False)}
    return found


RELATIONS = {model: _relations(model) for model in MODELS} | {
    User: {"clan": (Clan, True), "beast": (Beast, True)}
}
# Which models point to which, by which field.
POINTING = {
    target: [
        (model, field.name)
        for model in (Beast, Clan, Cub, Haunt, Lair, Pet)
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is target
    ]
    for target in (*MODELS, User)
}
TABLES = {model: model._meta.db_table for model in MODELS}
ORDER_OF_CREATION = (Clan, Tag, Place, Beast, Pet, Haunt, Lair, Cub, Note)
