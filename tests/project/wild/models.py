"""Models whose values and relations are as awkward as PostgreSQL has them.

Keys are given, never drawn from a sequence: few of them, so that rows come, go and come back. Most
foreign keys are not checked by the database, so that a row may refer to nothing.
"""

from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models

from dddp.fields import AleaIdField


class CaseInsensitive(models.TextField):
    def db_type(self, connection):
        return "citext"


class Clan(models.Model):
    """A text key."""

    key = models.CharField(max_length=30, primary_key=True)
    name = models.TextField(null=True)
    folded = CaseInsensitive(null=True)
    rank = models.IntegerField(null=True)
    chief = models.ForeignKey(User, models.SET_NULL, null=True, db_constraint=False)


class Tag(models.Model):
    """A UUID key."""

    key = models.UUIDField(primary_key=True)
    label = models.TextField(default="")
    weight = models.DecimalField(max_digits=10, decimal_places=3, null=True)


class Note(models.Model):
    """Refers to rows of any model."""

    id = models.IntegerField(primary_key=True)
    body = models.TextField(null=True)
    score = models.IntegerField(null=True)
    target_type = models.ForeignKey(
        ContentType, models.CASCADE, db_constraint=False, related_name="+"
    )
    target_id = models.IntegerField()
    target = GenericForeignKey("target_type", "target_id")


class Place(models.Model):
    """Saved without an id for clients, it gets another one."""

    id = models.IntegerField(primary_key=True)
    aid = AleaIdField()
    name = models.TextField(null=True, db_collation="C")
    size = models.FloatField(null=True)
    notes = GenericRelation(Note, "target_id", "target_type", related_query_name="place")


class Beast(models.Model):
    """All kinds of columns and relations."""

    id = models.IntegerField(primary_key=True)
    text = models.TextField(null=True)
    short = models.CharField(max_length=8, default="")
    plain = models.TextField(null=True, db_collation="C")
    folded = CaseInsensitive(null=True)
    number = models.IntegerField(null=True)
    exact = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    real = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    tree = models.JSONField(null=True)
    names = ArrayField(models.TextField(null=True), null=True)
    uid = models.UUIDField(null=True)
    clan = models.ForeignKey(Clan, models.SET_NULL, null=True, db_constraint=False)
    mother = models.ForeignKey(
        "self", models.SET_NULL, null=True, db_constraint=False, related_name="young"
    )
    owner = models.ForeignKey(User, models.SET_NULL, null=True, db_constraint=False)
    tags = models.ManyToManyField(Tag)
    haunts = models.ManyToManyField(Place, through="Haunt")
    notes = GenericRelation(Note, "target_id", "target_type", related_query_name="beast")

    @property
    def summary(self):
        """Made of other rows, which may not be there."""
        mother = Beast.objects.filter(pk=self.mother_id).first()
        depths = Lair.objects.filter(beast=self.pk).values_list("depth", flat=True)
        return [mother and mother.text, *depths]


class Haunt(models.Model):
    """Between beasts and places."""

    id = models.IntegerField(primary_key=True)
    beast = models.ForeignKey(Beast, models.CASCADE, db_constraint=False)
    place = models.ForeignKey(Place, models.CASCADE, db_constraint=False)
    since = models.DateField(null=True)
    visits = models.IntegerField(null=True)


class Lair(models.Model):
    id = models.IntegerField(primary_key=True)
    beast = models.OneToOneField(Beast, models.CASCADE, null=True)
    depth = models.IntegerField(null=True)


class Pet(Beast):
    """A second table for what a beast lacks."""

    nick = models.TextField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=3, null=True)


class Cub(models.Model):
    """Deleted by the database with its parent."""

    id = models.IntegerField(primary_key=True)
    parent = models.ForeignKey(Beast, models.DO_NOTHING, db_constraint=False)
    weight = models.FloatField(null=True)
