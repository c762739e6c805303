"""What a collection's documents look like, for clients that make forms (Meteor's SimpleSchema)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
