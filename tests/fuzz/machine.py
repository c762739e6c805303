"""Hypothesis' side: which programs there are.

A `RuleBasedStateMachine` on the test's thread gives orders to an event loop on another. Steps do
not wait for what they begin, so transactions, subscriptions and faults meet as they happen to;
a step of its own waits until it is quiet, and compares. What fails without such meetings shrinks
to a short program; what needs one may not fail again when Hypothesis tries, which then says so -
the program as it ran is in the failure in either case.
"""

import asyncio
import threading

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from fuzz.driver import Fuzz
from fuzz.querysets import shapes
from fuzz.writes import transactions

CLIENTS = 3
WRITERS = 3
STEP_SECONDS = 90

clients = st.integers(0, CLIENTS - 1)
delays = st.sampled_from((0, 2, 10))


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(STEP_SECONDS)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Counts:
    """What has been done, over all programs."""

    def __init__(self):
        self.programs = self.steps = self.refused = self.subscriptions = 0
        self.outcomes = {}
        self.reasons = {}

    def __str__(self):
        ends = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return (
            f"{self.programs} programs of {self.steps} steps, {self.subscriptions} querysets "
            f"({self.refused} that Django or PostgreSQL refuse), transactions: {ends}"
        )


class Machine(RuleBasedStateMachine):
    counts = Counts()
    loop = None

    made = Bundle("made")
    subscribed = Bundle("subscribed")

    def __init__(self):
        super().__init__()
        self.failed = False
        self.names = 0
        self.fuzz = Fuzz(WRITERS)
        self.loop.run(self.fuzz.start())
        self.counts.programs += 1

    def do(self, name, *arguments):
        self.counts.steps += 1
        try:
            return self.loop.run(getattr(self.fuzz, name)(*arguments))
        except BaseException:
            self.failed = True
            raise

    @initialize(seed=st.integers(0, 5))
    def populate(self, seed):
        self.do("populate", seed)

    @rule(target=made, shape=shapes())
    def make(self, shape):
        return shape

    @rule(target=subscribed, client=clients, shape=made, data=st.data())
    def subscribe(self, client, shape, data):
        texts = data.draw(st.lists(shape.filled(), min_size=1, max_size=4, unique=True))
        return self.subscribe_to(client, texts)

    @rule(target=subscribed, client=clients, shape=shapes(), data=st.data())
    def subscribe_to_new(self, client, shape, data):
        texts = data.draw(st.lists(shape.filled(), min_size=1, max_size=4, unique=True))
        return self.subscribe_to(client, texts)

    def subscribe_to(self, client, texts):
        self.counts.subscriptions += len(texts)
        self.names += 1
        name = f"s{self.names}"
        error = self.do("valid", *texts)
        if error is None:
            self.do("subscribe", client, name, *texts)
        else:
            self.counts.refused += len(texts)
            kind = f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"
            self.counts.reasons.setdefault(kind, texts[0])
        return client, name

    @rule(which=consumes(subscribed))
    def unsubscribe(self, which):
        self.do("unsubscribe", *which)

    @rule(client=clients)
    def leave(self, client):
        self.do("leave", client)

    @rule(writer=st.integers(0, WRITERS - 1), program=transactions())
    def write(self, writer, program):
        self.do("write", writer, program)

    @rule(programs=st.lists(transactions(), min_size=1, max_size=WRITERS))
    def write_together(self, programs):
        for writer, program in enumerate(programs):
            self.do("write", writer, program)

    @rule(program=transactions())
    def write_and_compare(self, program):
        self.do("write", 0, program)
        self.do("quiet")

    @rule()
    def quiet(self):
        self.do("quiet")

    @rule()
    def cut(self):
        self.do("cut")

    @rule(before=delays, after=delays)
    def slow(self, before, after):
        self.do("slow", before, after)

    @rule(on=st.booleans())
    def pieces(self, on):
        self.do("pieces", on)

    @rule(milliseconds=st.sampled_from((1, 5, 20)))
    def pause(self, milliseconds):
        self.do("pause", milliseconds)

    def teardown(self):
        try:
            if not self.failed:
                self.do("finish")
        finally:
            self.loop.run(self.fuzz.stop())
            for outcome in self.fuzz.outcomes:
                self.counts.outcomes[outcome] = self.counts.outcomes.get(outcome, 0) + 1
