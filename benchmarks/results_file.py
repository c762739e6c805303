"""What runs leave: a JSON file of tables and figures, written after each case."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.figures import Table

RESULTS = Path(__file__).parent / "results"


class Results:
    """The file of one run. Attributes: document, as it is in the file.

    Args:
        path: None: a new one among the results that are kept.
        resume: go on with the one that is there.
    """

    def __init__(self, path: Path | None, resume: bool) -> None:
        now = datetime.datetime.now(datetime.UTC)
        self.path = path or RESULTS / f"{now:%Y-%m-%d-%H%M%S}.json"
        if resume and self.path.exists():
            self.document: dict[str, Any] = json.loads(self.path.read_text())
            return
        self.document = {
            "date": now.isoformat(timespec="seconds"),
            "revision": machine.revision(),
            "machine": machine.describe(),
            "cases": {},
            "figures": {},
            "load_average": {},
        }

    def has(self, case: str) -> bool:
        return case in self.document["cases"]

    def add(self, case: str, tables: list[Table]) -> None:
        """Add a case and write the file."""
        figures = {name: value for table in tables for name, value in table.figures.items()}
        self.document["cases"][case] = [
            {
                "title": table.title,
                "rows": table.data,
                "lost": table.lost,
                "chart": vars(table.chart) if table.chart else None,
            }
            for table in tables
        ]
        self.document["figures"][case] = figures
        self.document["load_average"][case] = machine.describe()["load_average"]
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.document, indent=1) + "\n")

    @property
    def lost(self) -> int:
        tables = [table for each in self.document["cases"].values() for table in each]
        return sum(table.get("lost", 0) for table in tables)


def earlier(than: Results) -> dict[tuple[str, str], tuple[float, dict[str, Any]]]:
    """(case, figure) -> its last value in other files, and that file's document."""
    documents = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]
    found: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
    for document in sorted(documents, key=lambda each: str(each["date"])):
        if document["date"] >= than.document["date"]:
            continue
        for case, figures in document.get("figures", {}).items():
            for name, value in figures.items():
                found[case, name] = value, document
    return found
