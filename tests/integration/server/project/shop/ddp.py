import os
import sys
import time
from pathlib import Path

from dddp.api import API, APIMixin, Collection, Publication, api_endpoint
from shop.models import Item as ItemModel


class Item(Collection):
    model = ItemModel


class Items(Publication):
    queries = [ItemModel.objects.all()]


class Shop(APIMixin):
    api_path_prefix = "shop/"

    @api_endpoint
    def process(self):
        return os.getpid()

    @api_endpoint
    def linger(self, folder):
        """Return once there is a file `go` in the folder."""
        print("lingering", file=sys.stderr, flush=True)
        while not (Path(folder) / "go").exists():
            time.sleep(0.02)
        return "done"


API.register([Item, Items, Shop])
