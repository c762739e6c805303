"""Plans of querysets, as a publication would have them."""

from dddp.api.registry import API
from dddp.livequery.analysis import analyse


def plan_of(queryset):
    """The plan of a queryset published as its model's own collection."""
    collection = API.collection_for(queryset.model)
    return analyse(queryset, collection.name, collection.published_fields(), "default")
