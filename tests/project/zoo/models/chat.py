"""People who talk: relations of every kind, several steps deep."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Member(models.Model):
    name = models.CharField(max_length=50)
    email = models.EmailField(default="")
    level = models.IntegerField(default=0)
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="students")
    friends = models.ManyToManyField("self")


class Profile(models.Model):
    member = models.OneToOneField(Member, models.CASCADE, primary_key=True, related_name="profile")
    city = models.CharField(max_length=50)


class Channel(models.Model):
    name = models.CharField(max_length=50)
    members = models.ManyToManyField(Member, through="Membership", related_name="channels")
    notes = GenericRelation("zoo.Note", related_query_name="channel")


class Membership(models.Model):
    """A many-to-many table with a column of its own."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="memberships")
    member = models.ForeignKey(Member, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=50, default="guest")


class Label(models.Model):
    name = models.CharField(max_length=50)


class Message(models.Model):
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="messages")
    author = models.ForeignKey(Member, models.CASCADE, related_name="messages")
    text = models.TextField(default="")
    stars = models.IntegerField(default=0)
    labels = models.ManyToManyField(Label, related_name="messages")


class Note(models.Model):
    """Stuck to anything."""

    # Its table comes from a migration, after those of apps without any.
    content_type = models.ForeignKey(ContentType, models.CASCADE, db_constraint=False)
    object_id = models.PositiveBigIntegerField()
    about = GenericForeignKey()
    text = models.TextField(default="")
