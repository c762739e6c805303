"""Random programs of clients, writers and faults: at each quiet point clients equal PostgreSQL.

`make fuzz MINUTES=60` runs it for that long (DDDP_FUZZ_SECONDS). Each run has
other programs; DDDP_FUZZ_SEED, which it prints, repeats one. A failure ends with a test to paste
into test_found.py.
"""

import os
import secrets
import time

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from fuzz.machine import Loop, Machine

SECONDS = float(os.environ.get("DDDP_FUZZ_SECONDS", "20"))
SEED = os.environ.get("DDDP_FUZZ_SEED")
STEPS = 30
PROGRAMS_AT_ONCE = 10
# Time to make a failure small, too.
pytestmark = pytest.mark.timeout(SECONDS + 900)


@pytest.fixture
def machine(wild, db_project):
    loop = Loop()
    yield type("TheMachine", (Machine,), {"loop": loop})
    loop.close()


def test_every_client_equals_the_database(machine, capsys):
    end = time.monotonic() + SECONDS
    options = settings(
        max_examples=PROGRAMS_AT_ONCE,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    number = int(SEED) if SEED else secrets.randbelow(2**32)
    with capsys.disabled():
        print(f"\nDDDP_FUZZ_SEED={number}", flush=True)
    while time.monotonic() < end:
        run_state_machine_as_test(seed(number)(machine), settings=options)
        number += 1
    with capsys.disabled():
        print(machine.counts)
        for reason, text in machine.counts.refused.items():
            print("not run:", reason, "|", text)
