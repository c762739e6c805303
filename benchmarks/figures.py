"""Medians, percentiles and tables."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(value: float, floor: float) -> str:
    return f"{value / floor:.1f}x" if floor else "-"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


@dataclass(frozen=True)
class Chart:
    """What is drawn of a table: bars in groups, one of each series for each label.

    Attributes:
        series: name -> a value for each label.
        is_log: the axis, for values far apart.
    """

    title: str
    unit: str
    labels: Sequence[str]
    series: dict[str, Sequence[float]]
    is_log: bool = False


@dataclass
class Table:
    """Rows of one kind of figure; what a case returns, printed and kept as JSON.

    Attributes:
        figures: what later runs and the targets compare, by name: ratios to a yardstick of the
            same run wherever there is one.
        lost: deliveries lost or wrong, which void the figures.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    chart: Chart | None = None
    lost: int = 0

    def add(self, cells: list[str], data: dict[str, Any]) -> None:
        self.rows.append(cells)
        self.data.append(data)

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        text = [_line(line, widths) for line in lines]
        text.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.title, "", *text, "", *self.notes])


def _line(cells: list[str], widths: list[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([cells[0].ljust(len(first)), *rest])
