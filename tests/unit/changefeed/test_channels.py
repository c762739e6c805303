"""Names of channels."""

import re

import pytest

from dddp.changefeed.channels import VERSION, channel_for, fence_channel


@pytest.mark.parametrize(
    "table",
    ["bookstore_book", 'other"."book', '"public"."book"', "t" * 63, "Tabelle mit Ümläut", "'; --"],
)
def test_a_channel_is_a_plain_identifier_with_the_version(table: str) -> None:
    channel = channel_for(table)
    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", channel)
    assert channel.startswith(f"dddp{VERSION}_")


def test_a_channel_shows_which_table_it_is_for() -> None:
    assert "bookstore_book" in channel_for("bookstore_book")


def test_tables_have_channels_of_their_own() -> None:
    tables = ["book", "Book", 'x"."book', "x_book", "b" * 62 + "1", "b" * 62 + "2"]
    assert len({channel_for(table) for table in tables}) == len(tables)


def test_a_channel_never_changes() -> None:
    """It is in the triggers of databases that are in use."""
    assert channel_for("bookstore_book") == "dddp1_bookstore_book_e589a5d25606"


def test_a_fence_channel_is_no_table_channel() -> None:
    assert fence_channel("abc123") == f"dddp{VERSION}_fence_abc123"
    assert len(fence_channel("f" * 40)) <= 63
