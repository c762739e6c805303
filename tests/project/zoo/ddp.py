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


class NamesOnly(Collection):
    model = models.Person
    name = "names"
    fields = ["name"]


shown = {}


class Shown(Publication):
    def get_queries(self, name):
        return shown[name]


API.register([Specimen, Keyed, Ticket, Person, Employee, Named, Folded, NamesOnly, Shown])
