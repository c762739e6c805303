"""Which browsers get the modern program of a bundle.

Meteor's `modern-browsers` asks each package for its minimum; these are the first versions with
async functions, which Meteor 3's modern programs are made of.
"""

from __future__ import annotations

import re

# The first that matches tells: every browser on iOS is Safari, and most others say "Chrome".
MINIMUMS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"(?:iPhone|iPad|iPod).* OS (\d+)[_ ]"), 11),
    (re.compile(r"Edge/(\d+)"), 15),
    (re.compile(r"Firefox/(\d+)"), 52),
    (re.compile(r"Chrom(?:e|ium)/(\d+)"), 55),
    (re.compile(r"Version/(\d+).* Safari/"), 11),
)
MOST_CHARACTERS = 500


def is_modern(user_agent: str) -> bool:
    """Whether a browser of this `User-Agent` understands it; not those that nobody knows."""
    for pattern, minimum in MINIMUMS:
        if found := pattern.search(user_agent[:MOST_CHARACTERS]):
            return int(found[1]) >= minimum
    return False
