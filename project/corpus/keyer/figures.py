"""Figures that stations send: times, dates, frequencies, reports, serial numbers, groups, prices."""

from __future__ import annotations

from project.corpus.keyer.dice import Dice
from project.text.morse import DIGITS

CUT = str.maketrans("019", "TAN")  # digits as hurried operators send them
_DIGITS = tuple(DIGITS)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def number(dice: Dice) -> str:
    """Times, dates, frequencies, serial numbers, groups of figures, prices."""
    return _NUMBERS[dice.weigh(_NUMBER_WEIGHTS)](dice)


def serial(dice: Dice) -> str:
    """A number that is more often small than large, sometimes padded or with cut digits."""
    digits = str(int(10 ** (4 * dice.number())))
    form = dice.number()
    if form < 0.4:
        digits = digits.zfill(3)
    return digits.translate(CUT) if form < 0.1 else digits


def _figures(dice: Dice) -> str:
    return f"{dice.between(0, 9999):04d}"


def time(dice: Dice) -> str:
    """A time of day."""
    hour, minute = dice.between(0, 23), dice.between(0, 59)
    return f"{hour:02d}{dice.pick((':', '', ''))}{minute:02d}{dice.pick(('', '', 'Z', ' UTC', ' GMT'))}"


def date(dice: Dice) -> str:
    """A date."""
    day, month, year = dice.between(1, 28), dice.between(1, 12), dice.between(1890, 2040)
    form = dice.pick(("{0}.{1}.{2}", "{0}-{1}-{2}", "{2}-{1:02d}-{0:02d}", "{0}/{1}", "{0} {3} {2}", "{3} {0}", "{2}"))
    return form.format(day, month, year, _MONTHS[month - 1])


def frequency(dice: Dice) -> str:
    """A frequency in MHz or kHz."""
    megahertz = dice.pick((1.8, 3.5, 5.3, 7.0, 10.1, 14.0, 18.1, 21.0, 24.9, 28.0, 50.0)) + 0.001 * dice.between(0, 99)
    kilohertz = f"{1000 * megahertz:.0f}"
    return dice.pick((f"{megahertz:.3f}", kilohertz, f"{kilohertz} KHZ", f"{kilohertz}.{dice.pick(_DIGITS)}"))


def _price(dice: Dice) -> str:
    return f"${dice.between(1, 400)}.{dice.between(0, 99):02d}"


def report(dice: Dice) -> str:
    """Readability, strength and tone."""
    if dice.chance(0.6):
        return dice.pick(("599", "5NN", "579", "559"))
    return f"{dice.between(3, 5)}{dice.between(2, 9)}{dice.between(6, 9)}"


_NUMBERS = (_figures, serial, time, date, frequency, _price, report)
_NUMBER_WEIGHTS = (0.3, 0.2, 0.15, 0.15, 0.12, 0.04, 0.04)
