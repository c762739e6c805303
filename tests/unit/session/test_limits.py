"""Connections per address, messages per connection."""

import pytest

from dddp.session.limits import Addresses, MessageRate


class TestAddresses:
    def test_full(self):
        addresses = Addresses()
        for _ in range(2):
            assert not addresses.is_full("192.0.2.1", 2)
            addresses.add("192.0.2.1", 2)
        assert addresses.is_full("192.0.2.1", 2)
        assert not addresses.is_full("192.0.2.2", 2)
        addresses.remove("192.0.2.1")
        assert not addresses.is_full("192.0.2.1", 2)

    def test_told_once_a_minute(self, caplog):
        times = [1, 1, 30, 60.9, 61.1, 90]
        addresses = Addresses(clock=iter(times).__next__)
        for _ in times:
            addresses.add("192.0.2.1", 1)
            addresses.remove("192.0.2.1")
        assert [record.getMessage() for record in caplog.records] == [
            "192.0.2.1 has 1 connections and may have no more."
        ] * 2

    def test_told_once(self, caplog):
        addresses = Addresses()
        for _ in range(4):
            addresses.add("192.0.2.1", 2)
        for _ in range(4):
            addresses.remove("192.0.2.1")
            addresses.add("192.0.2.1", 4)
        assert [record.getMessage() for record in caplog.records] == [
            "192.0.2.1 has 2 connections and may have no more."
        ]

    def test_no_limit(self):
        addresses = Addresses()
        addresses.add("192.0.2.1", None)
        assert not addresses.is_full("192.0.2.1", None)

    def test_unknown_addresses(self):
        addresses = Addresses()
        addresses.add("", 1)
        assert not addresses.is_full("", 1)
        addresses.remove("")

    @pytest.mark.parametrize(
        ("first", "second", "same"),
        [
            ("2001:db8::1", "2001:db8::2", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
        ],
    )
    def test_networks(self, first, second, same):
        addresses = Addresses()
        addresses.add(first, 1)
        assert addresses.is_full(second, 1) is same

    def test_nothing_is_kept_of_who_is_gone(self):
        now = 0.0
        addresses = Addresses(clock=lambda: now)
        for now in range(1000):
            addresses.add(f"2001:db8:0:{now:x}::1", 1)
            addresses.remove(f"2001:db8:0:{now:x}::1")
        assert not addresses._counts
        assert len(addresses._told) <= 60


class TestMessageRate:
    def test_windows(self):
        rate = MessageRate(2, 10)
        said = [rate.admits(now) for now in (100, 105, 109, 109.9, 110, 111, 119)]
        assert said == [True, True, False, False, True, True, False]

    def test_a_window_begins_with_a_message(self):
        rate = MessageRate(1, 10)
        assert [rate.admits(now) for now in (3, 14, 23)] == [True, True, False]
