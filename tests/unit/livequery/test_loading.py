"""Documents of rows as the database writes them."""

from dddp.livequery.document import PublishedField, Shape
from dddp.livequery.encoders import list_of, string
from dddp.livequery.loading import document_of
from dddp.livequery.plan import Layout


def test_ids_of_others_keep_their_digits():
    shape = Shape("books", "id", (PublishedField("tags_ids", "", list_of(string)),))
    layout = Layout(shape, width=1, pk_place=0, order=(1,), related="")
    assert document_of(layout, '{"c0":1}', ["[1.50, 2]"]) == (
        b'"1"',
        b'{"tags_ids":["1.50","2"]}',
    )
