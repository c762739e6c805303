"""When the fill of the notification queue is worth a warning."""

from __future__ import annotations

import pytest

from dddp.changefeed.backlog import QueueWatch


@pytest.mark.parametrize(
    ("fills", "warned"),
    [
        ([0.0, 0.24], []),
        ([0.25, 0.3, 0.49], [0.25]),
        ([0.3, 0.55, 0.8, 0.99, 1.0], [0.3, 0.55, 0.8]),
        ([0.9, 0.3, 0.5], [0.9, 0.5]),
    ],
)
def test_each_level_is_told_once(fills: list[float], warned: list[float]) -> None:
    watch = QueueWatch()
    assert [fill for fill in fills if watch.rises(fill)] == warned


def test_a_fill_around_a_level_is_told_once() -> None:
    watch = QueueWatch()
    assert [watch.rises(fill) for fill in (0.26, 0.24, 0.26, 0.16, 0.3)] == [True] + [False] * 4


def test_a_level_that_was_left_is_told_again() -> None:
    watch = QueueWatch()
    assert [watch.rises(fill) for fill in (0.26, 0.15, 0.26)] == [True, False, True]
    assert [watch.rises(fill) for fill in (0.6, 0.35, 0.6)] == [True, False, True]
