"""A chart (SVG) of each table that has one.

python -m benchmarks.charts RESULTS.json FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def draw(document: dict[str, Any], folder: Path) -> list[Path]:
    """Draw all charts of a run's results; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for case, tables in document["cases"].items():
        charts = [table["chart"] for table in tables if table.get("chart")]
        for number, chart in enumerate(charts, 1):
            path = folder / f"{case}{f'-{number}' if number > 1 else ''}.svg"
            _draw(chart, f"{document['revision']}, {document['date'][:10]}", path)
            drawn.append(path)
    return drawn


def _draw(chart: dict[str, Any], origin: str, path: Path) -> None:
    import pygal

    bars = len(chart["labels"]) * len(chart["series"])
    drawing = pygal.HorizontalBar(
        title=f"{chart['title']}, {chart['unit']} ({origin})",
        js=[],  # no scripts from elsewhere
        height=160 + 26 * bars,
        width=900,
        logarithmic=chart["is_log"],
        print_values=True,
        formatter=lambda value: f"{value:,.4g}",
        show_legend=any(chart["series"]),
        truncate_label=-1,
        truncate_legend=-1,
        style=pygal.style.Style(label_font_size=11, title_font_size=15, value_font_size=11),
    )
    # From the bottom to the top in this kind of chart.
    drawing.x_labels = list(reversed(chart["labels"]))
    for name, values in chart["series"].items():
        drawing.add(name or None, list(reversed(values)))
    drawing.render_to_file(str(path))


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
