"""The benchmarks run, and what they measure is right; how fast it is, is nobody's business here.

The case `peer` is not among them: it installs twenty packages and needs Redis.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def figures(tmp_path, *arguments):
    """What a run has printed, and the tables of its cases."""
    output = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", *arguments, "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(output.read_text())["cases"]


def rows(cases, name):
    (table,) = cases[name]
    return table["rows"]


def test_deliveries(tmp_path):
    options = ["--clients", "3", "--documents", "30", "--rounds", "9", "--many", "3"]
    printed, cases = figures(tmp_path, "notify", "fanout", "initial", *options)

    assert "Fan-out: one change" in printed
    fanout = cases["fanout"][0]["rows"]
    assert [row["clients"] for row in fanout] == [3] * 4
    assert {row["server"] for row in fanout} == {"dddp", "stock"}
    assert all(row["lost"] == 0 for row in fanout)
    assert [row["documents"] for row in rows(cases, "initial")] == [30] * 3 + [9] * 2 + [3] * 2


def test_changes_and_accounts(tmp_path):
    options = ["--many", "3", "--latency-rounds", "6", "--latency-rate", "50"]
    options += ["--latency-seconds", "0.2"]
    options += ["--rates", "50", "--rate-seconds", "1", "--live-queries", "9"]
    options += ["--guesses", "1"]
    _, cases = figures(tmp_path, "latency", "rates", "enumeration", *options)

    assert [row["clients"] for row in rows(cases, "latency")] == [1] * 4 + [3] * 4
    assert all(0 < row["p50"] <= row["p99"] for row in rows(cases, "latency"))
    assert [row["missing"] for row in rows(cases, "rates")] == [0] * 3
    accounts = rows(cases, "enumeration")
    assert [row["name"] for row in accounts] == ["failed login", "createUser", "forgotPassword"]


def test_calls_and_writes_resumed_compared_and_drawn(tmp_path):
    options = ["--callers", "1", "2", "--call-seconds", "0.1"]
    options += ["--saves", "5", "--writers-clients", "2", "--updates", "20"]
    _, first = figures(tmp_path, "methods", "writes", *options)
    charts = tmp_path / "charts"
    printed, cases = figures(tmp_path, "methods", "writes", "--resume", "--charts", str(charts))

    assert cases == first  # of the first run: nothing is measured again
    assert "save, 0 subscribers: us more" in printed.split("Targets")[1]
    files = sorted(path.name for path in charts.iterdir())
    assert files == ["methods-2.svg", "methods.svg", "writes.svg"]
    assert "<svg" in (charts / "writes.svg").read_text()

    echo, write = (table["rows"] for table in cases["methods"])
    assert [(row["clients"], row["wrong"]) for row in echo] == [(1, 0)] * 5 + [(2, 0)] * 5
    assert [(row["clients"], row["wrong"]) for row in write] == [(1, 0)] * 3 + [(2, 0)] * 3
    assert all(row["calls_per_second"] > 0 for row in echo + write)
    names = [row["name"] for row in rows(cases, "writes")]
    saves = ["save, NOTIFY alone", "save, no server", "save, 0 subscribers", "save, 2 subscribers"]
    assert names == [*saves, "UPDATE of 20 rows"]


def test_connections(tmp_path):
    _, cases = figures(tmp_path, "memory", "storm", "--connections", "12", "--storm", "5")

    assert [row["size"] for row in rows(cases, "memory")] == [12, 12, 12, 3, 3, 24]
    assert [row["clients"] for row in rows(cases, "storm")] == [5] * 4
    assert all(row["seconds"] > 0 for row in rows(cases, "storm"))


def test_reconnecting(tmp_path):
    _, cases = figures(tmp_path, "reconnect", "--reconnecting", "5")

    found = {row["name"]: row["statements"] for row in rows(cases, "reconnect")}
    assert found.pop("first") >= 5
    assert found == {"resumed": 0, "not resumed": 0}


def test_live_queries_have_what_the_database_has_and_ask_no_more_than_once_or_twice(tmp_path):
    options = ["--queries", "10", "30", "--subscriptions", "10", "30", "--changes", "4"]
    _, cases = figures(tmp_path, "decided", "asked", "members", "data", *options)

    assert [row["live_queries"] for row in rows(cases, "decided")] == [10, 30]
    assert [row["statements"] for row in rows(cases, "decided")] == [0, 0]
    for name, kinds in (("asked", 2), ("members", 4), ("data", 3)):
        assert [row["wrong"] for row in rows(cases, name)] == [0] * kinds * 2
        assert all(1 <= row["statements"] <= 2 for row in rows(cases, name))


def test_identical_subscriptions_share_their_documents(tmp_path):
    _, cases = figures(tmp_path, "sharing", "--subscribers", "20")

    for row in rows(cases, "sharing"):
        assert (row["live_queries"], row["documents"], row["wrong"]) == (2, 1001, 0)


def test_bursts_leave_clients_equal_to_the_database(tmp_path):
    options = ["--rows", "1500", "--seconds", "1", "--commits", "100"]
    _, cases = figures(tmp_path, "burst", *options)

    quiet, *bursts = rows(cases, "burst")
    assert quiet["ping"]["p50"] > 0
    assert [(burst["wrong"], burst["dropped"]) for burst in bursts] == [(0, 0)] * 3
    assert all(burst["messages"] >= burst["changes"] * 10 for burst in bursts[:2])
