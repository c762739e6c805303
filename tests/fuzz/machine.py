"""Hypothesis' side: which programs there are.

A `RuleBasedStateMachine` on the test's thread gives orders to an event loop on another. Steps do
not wait for what they begin, so transactions, subscriptions and faults meet as they happen to;
a step of its own waits until it is quiet, and compares. What fails without such meetings shrinks
to a short program; what needs one may not fail again when Hypothesis tries, which then says so -
the program as it ran is in the failure in either case.
"""

import asyncio
import os
import threading
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from fuzz.driver import Fuzz
from fuzz.querysets import shapes
from fuzz.writes import POPULATIONS, transactions

CLIENTS = 3
WRITERS = 3
STEP_SECONDS = 90
DIRECTORY = Path(__file__).parents[2] / "artifacts" / "fuzz"

clients = st.integers(0, CLIENTS - 1)
writers = st.integers(0, WRITERS - 1)
delays = st.sampled_from((0, 2, 10))
meeting = st.lists(st.tuples(writers, transactions()), min_size=2, max_size=5)
faults = st.one_of(
    st.tuples(st.just("pause"), st.sampled_from((1, 5, 20))),
    st.tuples(st.just("slow"), delays, delays),
    st.tuples(st.just("pieces"), st.booleans()),
    st.just(("cut",)),
)


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


def keep(error):
    """Write a failure as it was found, and the last, which is the smallest, to artifacts/fuzz."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in ("first", "last"):
        path = DIRECTORY / f"{os.getpid()}-{name}.txt"
        if name == "last" or not path.exists():
            path.write_text(f"{type(error).__name__}: {error}\n")


class Counts:
    """What has been done, over all programs."""

    def __init__(self):
        self.programs = self.steps = self.shapes = self.querysets = 0
        self.outcomes = {}
        self.refused = {}

    def __str__(self):
        ends = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return (
            f"{self.programs} programs of {self.steps} steps; {self.querysets} querysets of "
            f"{self.shapes} shapes; transactions: {ends}"
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
        except BaseException as error:
            self.failed = True
            keep(error)
            raise

    @initialize(seed=st.sampled_from(POPULATIONS), slow=st.tuples(delays, delays))
    def begin(self, seed, slow):
        self.do("populate", seed)
        self.do("slow", *slow)

    @rule(target=made, shape=shapes(), data=st.data())
    def make(self, shape, data):
        text = data.draw(shape.filled())
        error = self.do("reason_against", text)
        self.counts.shapes += 1
        if error is None:
            return shape
        kind = f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"
        self.counts.refused.setdefault(kind, text)
        return multiple()

    @rule(target=subscribed, client=clients, shape=made, data=st.data())
    def subscribe(self, client, shape, data):
        texts = data.draw(st.lists(shape.filled(), min_size=1, max_size=4, unique=True))
        return self.subscribe_to(client, texts)

    @rule(target=subscribed, shape=made, programs=meeting, data=st.data())
    def subscribe_while_writing(self, shape, programs, data):
        """Several subscriptions of one shape while it is written."""
        names = ()
        for client, (writer, program) in enumerate(programs):
            self.do("write", writer, program)
            names += (self.subscribe_to(client % CLIENTS, [data.draw(shape.filled())]),)
        return multiple(*names)

    def subscribe_to(self, client, texts):
        self.counts.querysets += len(texts)
        self.names += 1
        self.do("subscribe", client, f"s{self.names}", *texts)
        return client, f"s{self.names}"

    @rule(which=consumes(subscribed))
    def unsubscribe(self, which):
        self.do("unsubscribe", *which)

    @rule(client=clients)
    def leave(self, client):
        self.do("leave", client)

    @rule(client=clients, user_id=st.sampled_from(("1", "2", "3", "9", None)))
    def login(self, client, user_id):
        self.do("login", client, user_id)

    @rule(writer=writers, program=transactions())
    def write(self, writer, program):
        self.do("write", writer, program)

    @rule(programs=meeting)
    def write_together(self, programs):
        for writer, program in programs:
            self.do("write", writer, program)

    @rule(programs=st.lists(transactions(), min_size=1, max_size=3))
    def write_and_compare(self, programs):
        for program in programs:
            self.do("write", 0, program)
        self.do("quiet")

    @rule()
    def quiet(self):
        self.do("quiet")

    @rule(fault=faults)
    def have_a_fault(self, fault):
        self.do(*fault)

    def teardown(self):
        try:
            if not self.failed:
                self.do("finish")
        finally:
            self.loop.run(self.fuzz.stop())
            for outcome in self.fuzz.outcomes:
                self.counts.outcomes[outcome] = self.counts.outcomes.get(outcome, 0) + 1
