from typing import Any

from django.db.models import QuerySet

from benchmarks.calls import work
from bookstore.models import Book
from dddp.api import API, APIMixin, Publication, api_endpoint


class Calls(APIMixin):
    api_path_prefix = "benchmark/"

    @api_endpoint
    def echo(self, value: Any) -> Any:
        return work.echo(value)

    @api_endpoint(transaction=False, on_loop=True)
    async def echo_on_loop(self, value: Any) -> Any:
        return work.echo(value)

    @api_endpoint
    def write(self, pages: Any) -> Any:
        return work.write(pages)


class BooksOf(Publication):
    """Those of author `tens * 100 + ones`."""

    def get_queries(self, tens: int, ones: int) -> list[QuerySet[Book]]:
        return [Book.objects.filter(author_id=tens * 100 + ones)]


API.register([Calls, BooksOf])
