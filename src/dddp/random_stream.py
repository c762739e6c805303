"""Named streams of random values, equal on the client's and the server's side of a method.

A client that simulates a method sends its seed; stream N is then seeded with [seed, N] on both
sides, so that both draw the same document ids (Meteor 3, "randomSeed").
"""

from __future__ import annotations

from dddp.alea import Alea, Random, random_secret


class RandomStreams:
    """The streams of one invocation.

    Args:
        seed: what the client sent; None: a secret of this invocation's own.
    """

    def __init__(self, seed: str | None) -> None:
        self._seed = seed
        self._streams: dict[str, Random] = {}

    @property
    def seed(self) -> str:
        """What the streams are seeded with."""
        if self._seed is None:
            self._seed = random_secret()
        return self._seed

    def stream(self, name: str) -> Random:
        """The stream of that name; it goes on where it was left."""
        if name not in self._streams:
            self._streams[name] = Random(Alea(self.seed, name).fraction)
        return self._streams[name]

    def for_collection(self, name: str) -> Random:
        """Where the ids of a collection's new documents come from."""
        return self.stream(f"/collection/{name}")

    def seed_for_call(self, method: str) -> str:
        """The seed of a nested call of a method."""
        return self.stream(f"/rpc/{method}").hex_string(20)
