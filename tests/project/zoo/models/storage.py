"""Tables and keys out of the ordinary. `zoo.tables` creates those that are not managed."""

from django.db import models
from django.db.models import F

from dddp.models import AleaIdMixin


class Timed(models.Model):
    """Abstract: no table of its own."""

    label = models.CharField(max_length=50)
    at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["label"]


class Arrival(Timed):
    gate = models.IntegerField(default=0)


class Departure(Timed):
    pass


class Sealed(AleaIdMixin):
    """Ids that clients could have made."""

    label = models.CharField(max_length=50)


class Measured(models.Model):
    """A column that PostgreSQL computes and stores."""

    label = models.CharField(max_length=50)
    width = models.IntegerField(default=0)
    height = models.IntegerField(default=0)
    area = models.GeneratedField(
        expression=F("width") * F("height"), output_field=models.IntegerField(), db_persist=True
    )


class ComputedOnReading(models.GeneratedField):
    """Django allows these on PostgreSQL later than the table here needs them."""

    def check(self, **_):
        return []


class Virtual(models.Model):
    """A column that PostgreSQL computes when it is read, where it can."""

    label = models.CharField(max_length=50)
    width = models.IntegerField(default=0)
    double = ComputedOnReading(
        expression=F("width") * 2, output_field=models.IntegerField(), db_persist=False
    )

    class Meta:
        managed = False


class Legacy(models.Model):
    """A table somebody else made."""

    code = models.CharField(primary_key=True, max_length=10, db_column="Code No")
    label = models.CharField(max_length=50, db_column="order")

    class Meta:
        managed = False
        db_table = "Legacy Things"


class Parcel(models.Model):
    """Partitioned by region; rows move between partitions."""

    label = models.CharField(max_length=50)
    region = models.CharField(max_length=10)

    class Meta:
        managed = False


class Shelf(models.Model):
    code = models.CharField(primary_key=True, max_length=10)
    label = models.CharField(max_length=50)

    class Meta:
        managed = False


class Volume(models.Model):
    """The database itself follows what happens to the shelf."""

    label = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.DO_NOTHING, related_name="volumes")

    class Meta:
        managed = False


class Annexed(models.Model):
    """In another schema."""

    label = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="annexed")

    class Meta:
        managed = False
        db_table = 'annex"."annexed'
