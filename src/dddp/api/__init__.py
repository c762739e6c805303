"""What applications write their `ddp.py` with: collections, publications and methods.

    from dddp.api import API, Collection, Publication

Imports the layers below (live queries, protocol values) and Django, never a session or a transport.
"""

from dddp.api.collection import Collection
from dddp.api.endpoints import APIMixin, api_endpoint
from dddp.api.ids import get_ddp_id, get_ddp_ids, get_object, get_object_id, get_object_ids
from dddp.api.publication import Publication
from dddp.api.rate_limit import site_of
from dddp.api.registry import API
from dddp.api.this import this
from dddp.exceptions import MeteorError

__all__ = [
    "API",
    "APIMixin",
    "Collection",
    "MeteorError",
    "Publication",
    "api_endpoint",
    "get_ddp_id",
    "get_ddp_ids",
    "get_object",
    "get_object_id",
    "get_object_ids",
    "site_of",
    "this",
]
