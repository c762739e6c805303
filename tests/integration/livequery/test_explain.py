"""`manage.py dddp_explain`, and the log: how a queryset is kept live, and why."""

import datetime as dt
import io
import json
import logging

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from bookstore.models import Book
from dddp.api import API, Publication
from tools.inprocess import InProcess


def explain(*arguments, **options):
    out = io.StringIO()
    call_command("dddp_explain", *arguments, stdout=out, **options)
    return out.getvalue()


def test_each_queryset_with_its_technique_and_the_reason(db_project):
    text = explain("BooksByAuthorEmail", json.dumps(["jane@example.com"]))
    author, book = text.strip().split("\n\n")
    assert author.startswith("bookstore.author: decided from the row\n")
    assert book.startswith(
        'bookstore.book: inverse query by "bookstore_author"."email", as it spans tables\n'
        "    reads bookstore_author, bookstore_book\n"
    )
    assert "SELECT" in book


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Books",), "No publication is named 'Books'.*AllBooks"),
        (("BooksByAuthorEmail", "jane"), "no JSON"),
        (("BooksByAuthorEmail", '"jane"'), r"JSON array: '\[\"jane\"\]'"),
        (("BooksByAuthorEmail",), "Match failed"),
    ],
)
def test_a_mistake_is_named(db_project, arguments, message):
    with pytest.raises(CommandError, match=message):
        explain(*arguments)


def test_a_parameter_of_the_wrong_type_is_named(db_project, monkeypatch):
    class Until(Publication):
        def get_queries(self, day: dt.date):
            return [Book.objects.filter(published__lt=day)]

    monkeypatch.setitem(API._publications, "Until", Until())
    with pytest.raises(CommandError, match=r"Match failed .*params\[0\]"):
        explain("Until", '["tomorrow"]')


def test_for_a_user(db_project):
    User.objects.create(pk=7, username="jane")
    owned = json.dumps(["(Beast.objects.all(), 'wild.owned')"])
    assert "wild.owned: never asked, as it is always empty" in explain("Wild", owned)
    assert "wild.owned: inverse query by" in explain("Wild", owned, user="7")


async def test_the_log_says_it_of_each_live_query(hub, show, caplog):
    caplog.set_level(logging.DEBUG, "dddp.livequery")
    show("q", Book.objects.filter(author__email="jane@example.com"))
    async with InProcess(hub) as client:
        await client.subscribe("Shown", "q")
    assert 'Live query of bookstore.book: inverse query by "bookstore_author"' in caplog.text
