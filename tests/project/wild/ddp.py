"""The wild as clients see it: they subscribe with the Python text of querysets."""

from dddp.api import API, APIMixin, Collection, Publication, api_endpoint, this
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


class Critter(Collection):
    """Beasts without what only the database knows."""

    model = models.Beast
    name = "wild.critter"
    exclude = ["tags"]


class Owned(Collection):
    """Beasts for their owners, and for superusers."""

    model = models.Beast
    name = "wild.owned"
    exclude = ["tags"]
    user_rel = "owner"


class Ruled(Collection):
    """Beasts for their owners and the chiefs of their clans."""

    model = models.Beast
    name = "wild.ruled"
    fields = ["text", "number", "clan"]
    qs_filter = {"number__isnull": False}
    user_rel = ["owner", "clan__chief"]
    always_allow_superusers = False


class Described(Collection):
    """Beasts as objects."""

    model = models.Beast
    name = "wild.described"
    fields = ["text", "moment", "tags"]
    properties = {"summary": ["mother__text", "lair__depth"]}


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


class Door(APIMixin):
    api_path_prefix = ""

    @api_endpoint
    def be(self, user_id):
        """Log in as this user, or out."""
        this.set_user_id(user_id)


API.register(
    [
        Clan,
        Tag,
        Note,
        Place,
        Beast,
        Critter,
        Owned,
        Ruled,
        Described,
        Haunt,
        Lair,
        Pet,
        Cub,
        Wild,
        Door,
    ]
)
