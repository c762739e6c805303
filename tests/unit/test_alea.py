"""Meteor's generator: the same numbers for the same seeds, and ids of Meteor's alphabet."""

from __future__ import annotations

import pytest

from dddp.alea import BASE64, HEX, UNMISTAKABLE, Alea, Random, random_id, random_secret


class TestAlea:
    def test_first_fraction_of_meteor(self) -> None:
        assert Alea("seed0123456789abcdef", "/collection/wire").fraction() == 0.8279918830376118

    def test_equal_seeds_equal_numbers(self) -> None:
        first, second = Alea("a", "b"), Alea("a", "b")
        assert [first.fraction() for _ in range(100)] == [second.fraction() for _ in range(100)]

    def test_order_and_number_of_seeds_matter(self) -> None:
        seeds = [("a", "b"), ("b", "a"), ("ab",), ("a",), ("b",)]
        assert len({Alea(*each).fraction() for each in seeds}) == len(seeds)

    def test_seeds_are_hashed_as_text(self) -> None:
        assert Alea(1).fraction() == Alea("1").fraction()

    @pytest.mark.parametrize("seed", ["", "é", "日本", "😀", "\ud800"])
    def test_any_text_is_a_seed(self, seed: str) -> None:
        assert 0 <= Alea(seed).fraction() < 1

    def test_characters_beyond_16_bits_count_as_two_units(self) -> None:
        # JavaScript: charCodeAt sees surrogates.
        assert Alea("😀").fraction() == Alea("\ud83d\ude00").fraction()

    def test_fractions_are_in_range(self) -> None:
        alea = Alea("range")
        assert all(0 <= alea.fraction() < 1 for _ in range(1000))


class TestRandom:
    def test_id_of_meteor(self) -> None:
        assert Random(Alea("abc", "/collection/foo").fraction).id() == "G54c3DHP7bs64gZRr"

    @pytest.mark.parametrize(
        ("fraction", "id", "hex", "secret"),
        [(0.0, "222", "000", "aaa"), (1 - 2**-53, "zzz", "fff", "___")],
    )
    def test_the_ends_of_the_alphabets(
        self, fraction: float, id: str, hex: str, secret: str
    ) -> None:
        source = Random(lambda: fraction)
        assert (source.id(3), source.hex_string(3), source.secret(3)) == (id, hex, secret)

    def test_lengths(self) -> None:
        source = Random(Alea("x").fraction)
        assert (len(source.id()), len(source.secret()), source.hex_string(0)) == (17, 43, "")

    def test_choice_takes_any_sequence(self) -> None:
        assert Random(lambda: 0.5).choice([1, 2, 3]) == 2

    def test_alphabets(self) -> None:
        assert len(UNMISTAKABLE) == len(set(UNMISTAKABLE)) == 55
        assert not set("01IOUVl") & set(UNMISTAKABLE)
        assert len(set(BASE64)) == 64
        assert len(set(HEX)) == 16


class TestSystemRandom:
    def test_ids(self) -> None:
        ids = {random_id() for _ in range(1000)}
        assert len(ids) == 1000
        assert all(len(id) == 17 and set(id) <= set(UNMISTAKABLE) for id in ids)

    def test_secrets(self) -> None:
        secret = random_secret()
        assert len(secret) == 43
        assert set(secret) <= set(BASE64)
        assert secret != random_secret()
