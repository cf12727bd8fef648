"""The phones of English as ARPAbet writes them, without stress: their names, their kinds and how IPA writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

IPA: Mapping[str, str] = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɝ", "EY": "eɪ", "IH": "ɪ",
    "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u",
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}  # fmt: skip
PHONES = tuple(IPA)  # 39; with CTC's blank a recognizer has 40 outputs
VOWELS = PHONES[:15]
CONSONANTS = PHONES[15:]


def drop_stress(text: str) -> str:
    """ARPAbet phones without the stress digits of their vowels.

    >>> drop_stress("T AH0 M EY1 T OW0")
    'T AH M EY T OW'
    """
    return re.sub(r"(?<=[A-Z])[012]\b", "", text)


def to_ipa(text: str) -> str:
    """Phones apart by spaces as one word of IPA; what is no phone stays as it is.

    >>> to_ipa("CH AY N AH")
    'tʃaɪnʌ'
    """
    return "".join(IPA.get(phone, phone) for phone in text.split())
