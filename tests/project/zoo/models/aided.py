"""Documents that are named by an `AleaIdField` beside the primary key, and what refers to them."""

from django.db import models

from dddp.fields import AleaIdField
from zoo.models.basic import Person


class Writer(models.Model):
    aid = AleaIdField()
    name = models.CharField(max_length=50)
    level = models.IntegerField(default=0)
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")
    friends = models.ManyToManyField("self")


class Topic(models.Model):
    aid = AleaIdField()
    name = models.CharField(max_length=50)


class Piece(models.Model):
    """Refers to rows by their primary keys and by the ids of their documents."""

    aid = AleaIdField()
    title = models.CharField(max_length=50)
    stars = models.IntegerField(default=0)
    author = models.ForeignKey(Writer, models.CASCADE, null=True, blank=True, related_name="pieces")
    editor = models.ForeignKey(
        Writer,
        models.SET_NULL,
        null=True,
        blank=True,
        to_field="aid",
        db_constraint=False,
        related_name="edited",
    )
    topics = models.ManyToManyField(Topic, blank=True, related_name="pieces")

    @property
    def headline(self):
        return f"{self.title}: {self.stars}"


class Novel(Piece):
    """The key is in the parent's table."""

    pages = models.IntegerField(default=0)


class Signed(Person):
    """The key is in the child's own table."""

    aid = AleaIdField()
    motto = models.CharField(max_length=50)


class Review(models.Model):
    """Named by its primary key."""

    piece = models.ForeignKey(Piece, models.CASCADE, related_name="reviews")
    novel = models.ForeignKey(Novel, models.SET_NULL, null=True, related_name="critics")
    text = models.CharField(max_length=50)
    judges = models.ManyToManyField(Writer, related_name="judged")


class Stamped(models.Model):
    """Of which the rows' own values decide."""

    aid = AleaIdField(db_column="stamp no")
    label = models.CharField(max_length=50)


class StampedToo(models.Model):
    """The same table, and the primary key as id."""

    label = models.CharField(max_length=50)

    class Meta:
        managed = False
        db_table = "zoo_stamped"
