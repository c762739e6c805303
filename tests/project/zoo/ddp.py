"""The zoo as clients see it. Tests put querysets into `shown` under a name and subscribe to it."""

from dddp.api import API, Collection, Publication
from zoo import models


class Specimen(Collection):
    model = models.Specimen


class Keyed(Collection):
    model = models.Keyed


class Ticket(Collection):
    model = models.Ticket


class Person(Collection):
    model = models.Person


class Employee(Collection):
    model = models.Employee


class Named(Collection):
    model = models.Named


class Folded(Collection):
    model = models.Folded


class Manager(Collection):
    model = models.Manager


class Member(Collection):
    model = models.Member


class Profile(Collection):
    model = models.Profile


class Channel(Collection):
    model = models.Channel


class Membership(Collection):
    model = models.Membership


class Label(Collection):
    model = models.Label


class Message(Collection):
    model = models.Message


class Note(Collection):
    model = models.Note


class Arrival(Collection):
    model = models.Arrival


class Departure(Collection):
    """Everybody inserts; the database makes the ids."""

    model = models.Departure
    anonymous_writes = True
    writable_fields = ["label"]

    def allow_insert(self, user, obj, fields):
        return True


class Sealed(Collection):
    model = models.Sealed


class Measured(Collection):
    model = models.Measured


class Virtual(Collection):
    model = models.Virtual


class Legacy(Collection):
    model = models.Legacy


class Parcel(Collection):
    model = models.Parcel


class Shelf(Collection):
    model = models.Shelf


class Volume(Collection):
    model = models.Volume


class Annexed(Collection):
    model = models.Annexed


class Writer(Collection):
    model = models.Writer


class Topic(Collection):
    model = models.Topic


class Piece(Collection):
    """Everybody writes."""

    model = models.Piece
    anonymous_writes = True
    writable_fields = ["aid", "title", "author", "editor", "topics"]

    def allow_insert(self, user, obj, fields):
        return True

    def allow_update(self, user, obj, fields):
        return True

    def allow_remove(self, user, obj):
        return True


class Novel(Collection):
    model = models.Novel


class Signed(Collection):
    model = models.Signed


class Review(Collection):
    model = models.Review


class Stamped(Collection):
    model = models.Stamped


class StampedToo(Collection):
    model = models.StampedToo


class NamesOnly(Collection):
    model = models.Person
    name = "names"
    fields = ["name"]


shown = {}


class Shown(Publication):
    def get_queries(self, name):
        return shown[name]


class Pieces(Publication):
    queries = [models.Piece.objects.all()]


API.register(
    [
        Specimen,
        Keyed,
        Ticket,
        Person,
        Employee,
        Manager,
        Named,
        Folded,
        NamesOnly,
        Member,
        Profile,
        Channel,
        Membership,
        Label,
        Message,
        Note,
        Arrival,
        Departure,
        Sealed,
        Measured,
        Virtual,
        Legacy,
        Parcel,
        Shelf,
        Volume,
        Annexed,
        Writer,
        Topic,
        Piece,
        Novel,
        Signed,
        Review,
        Stamped,
        StampedToo,
        Pieces,
        Shown,
    ]
)
