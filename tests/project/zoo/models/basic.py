"""Columns of every type, keys, inheritance."""

import uuid

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, IntegerRangeField
from django.db import models


class Specimen(models.Model):
    """One column of each type, all nullable."""

    text = models.TextField(null=True)
    short = models.CharField(max_length=50, null=True)
    number = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    small = models.SmallIntegerField(null=True)
    exact = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    real = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    moment = models.DateTimeField(null=True)
    span = models.DurationField(null=True)
    token_id = models.UUIDField(null=True)
    raw = models.BinaryField(null=True)
    tree = models.JSONField(null=True)
    names = ArrayField(models.TextField(null=True), null=True)
    numbers = ArrayField(models.DecimalField(max_digits=8, decimal_places=2), null=True)
    pages = IntegerRangeField(null=True)
    open_hours = DateTimeRangeField(null=True)
    address = models.GenericIPAddressField(null=True)
    paper = models.FileField(null=True)
    password = models.CharField(max_length=50, null=True)


class Keyed(models.Model):
    """A primary key of its own making."""

    key = models.CharField(max_length=50, primary_key=True)
    value = models.TextField(default="")


class Ticket(models.Model):
    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.TextField()


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Person(models.Model):
    """Two levels of inheritance, a link to itself, and many-to-many."""

    name = models.CharField(max_length=50)
    boss = models.ForeignKey("self", models.SET_NULL, null=True, related_name="staff")
    tags = models.ManyToManyField(Tag)


class Employee(Person):
    salary = models.IntegerField()


class Manager(Employee):
    """A third table for one object."""

    area = models.CharField(max_length=50)


class Named(Person):
    class Meta:
        proxy = True


class Unwatched(models.Model):
    """No collection and nothing that leads here."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="unwatched")


class CaseInsensitive(models.TextField):
    def db_type(self, connection):
        return "citext"


class Folded(models.Model):
    """Compared by the database's own rules, although Django takes it for text."""

    name = CaseInsensitive()
