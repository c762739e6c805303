"""A chart (SVG) of each table that has one.

    python -m benchmarks.charts RESULTS.json FOLDER

Needs matplotlib: `pip install 'django-ddp[bench]'`, which `make bench` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NO_MATPLOTLIB = "Charts need matplotlib: install the extra `bench`, as `make bench` does."


def draw(document: dict[str, Any], folder: Path) -> list[Path]:
    """Draw all charts of a run's results; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for case, tables in document["cases"].items():
        charts = [table["chart"] for table in tables if table.get("chart")]
        for number, chart in enumerate(charts):
            path = folder / f"{case}{f'-{number + 1}' if number else ''}.svg"
            _draw(chart, f"{document['revision']}, {document['date'][:10]}", path)
            drawn.append(path)
    return drawn


def _draw(chart: dict[str, Any], origin: str, path: Path) -> None:
    from matplotlib.figure import Figure

    labels, series = chart["labels"], chart["series"]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(labels) * max(1, len(series))))
    axes = figure.subplots()
    thick = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [place + thick * (number + 0.5) - 0.4 for place in range(len(values))]
        bars = axes.barh(places, values, thick, label=name or None)
        axes.bar_label(bars, fmt="{:,.4g}", padding=2, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xscale("log" if chart["is_log"] else "linear")
    axes.set_xlabel(chart["unit"])
    axes.set_title(f"{chart['title']} ({origin})", fontsize=9)
    if any(series):
        axes.legend(fontsize=8)
    # Without the date of drawing the same figures are the same file.
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
