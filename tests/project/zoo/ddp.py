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
    model = models.Departure


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


class NamesOnly(Collection):
    model = models.Person
    name = "names"
    fields = ["name"]


shown = {}


class Shown(Publication):
    def get_queries(self, name):
        return shown[name]


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
        Shown,
    ]
)
