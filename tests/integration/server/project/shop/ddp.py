import os

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


API.register([Item, Items, Shop])
