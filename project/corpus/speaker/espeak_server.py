"""A program that speaks with the library of espeak-ng: requests come in as JSON lines, sound goes out.

Each utterance is spoken by a process of its own, forked off for it: the library keeps a state, out of which the same
phones would sound a little different each time, and no crash of it ends the program. Only the standard library is
needed, and nothing of this project. Asked for no text, it lists the voices there are.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from itertools import count, takewhile
from typing import Any

SYNCHRONOUS, PHONEME_EVENTS = 2, 1  # for espeak_Initialize: no threads, sound to the callback; report phonemes
UTF8, PHONEMES = 1, 0x100  # for espeak_Synth: the text's encoding; [[...]] holds phonemes
PARAMETERS = {"wpm": 1, "volume": 2, "pitch": 3, "range": 4}
NO_MORE, PHONEME = 0, 7  # kinds of events


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", _Name),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),  # for each a byte that says how well it fits, and its name; this is the first
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(library: ctypes.CDLL, data: str | None, request: dict[str, Any]) -> bytes:
    """A line of JSON (rate, version, phonemes with their first samples; or what went wrong), and 16-bit samples."""
    pieces: list[bytes] = []
    events: list[tuple[int, str]] = []

    def collect(samples: Any, count: int, found: Any) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        place = 0
        while found[place].type != NO_MORE:
            if found[place].type == PHONEME:
                events.append((found[place].sample, found[place].name.string.decode("utf-8", "replace")))
            place += 1
        return 0

    callback = _Callback(collect)
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, data.encode() if data else None, PHONEME_EVENTS)
    if rate <= 0:
        return b'{"error": "the library does not find its data"}\n'
    if hasattr(library, "espeak_ng_SetRandSeed"):  # since 1.52 its own seed is the time in seconds
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        return json.dumps({"error": f"there is no voice {request['voice']}"}).encode() + b"\n"
    for name, number in PARAMETERS.items():
        if name in request:
            library.espeak_SetParameter(number, int(request[name]), 0)
    text = request["text"].encode()
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, UTF8 | PHONEMES, None, None)
    library.espeak_Synchronize()
    library.espeak_Info.restype = ctypes.c_char_p
    version = library.espeak_Info(None).decode()
    return json.dumps({"rate": rate, "version": version, "events": events}).encode() + b"\n" + b"".join(pieces)


def list_voices(library: ctypes.CDLL, data: str | None) -> bytes:
    """A line of JSON: the name of each language, and that of the voice which speaks it."""
    library.espeak_Initialize(SYNCHRONOUS, 0, data.encode() if data else None, 0)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    voices = library.espeak_ListVoices(None)
    found: dict[str, str] = {}
    for voice in takewhile(bool, (voices[place] for place in count())):  # the last pointer is null
        found.setdefault(voice.contents.languages[1:].decode(), voice.contents.identifier.decode())
    return json.dumps({"voices": found}).encode() + b"\n"


def apart(library: ctypes.CDLL, data: str | None, request: dict[str, Any]) -> bytes:
    """What `speak` gives, in a process of its own; an error if that ended otherwise than it should."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(speak(library, data, request) if "text" in request else list_voices(library, data))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    return answer if status == 0 else json.dumps({"error": f"the library ended with status {status}"}).encode() + b"\n"


def main(path: str, data: str) -> None:
    """Answers requests, each with its length in four bytes before it, until there are no more."""
    library = ctypes.CDLL(path)
    for line in sys.stdin.buffer:
        answer = apart(library, data or None, json.loads(line))
        sys.stdout.buffer.write(struct.pack("<I", len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
