"""The wild as clients see it: they subscribe with the Python text of querysets."""

from dddp.api import API, Collection, Publication
from wild import language, models


class Clan(Collection):
    model = models.Clan


class Tag(Collection):
    model = models.Tag


class Note(Collection):
    model = models.Note


class Place(Collection):
    model = models.Place


class Beast(Collection):
    model = models.Beast


class Haunt(Collection):
    model = models.Haunt


class Lair(Collection):
    model = models.Lair


class Pet(Collection):
    model = models.Pet


class Cub(Collection):
    model = models.Cub


class Wild(Publication):
    def get_queries(self, *texts):
        return [language.evaluate(text) for text in texts]


API.register([Clan, Tag, Note, Place, Beast, Haunt, Lair, Pet, Cub, Wild])
