"""Supervised CTC: the system of sequences whose frames outnumber their symbols."""

from __future__ import annotations

from typing import final

from project.system.base import System


@final
class CTCSystem(System):
    """Emissions, a CTC loss and a CTC decoder; the base holds them together."""
