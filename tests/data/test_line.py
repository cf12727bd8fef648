from __future__ import annotations

import json

import pytest

from project.contract import Example, InputError
from project.data.line import example_record, parse_example

GOOD = {"id": "a", "media": "wav/a.wav", "duration": 1.5}


def parse(record: object) -> Example:
    return parse_example(json.dumps(record).encode(), "m.jsonl:7", "/corpus")


def test_a_whole_line() -> None:
    line = {
        **GOOD,
        "text": "hi",
        "symbols": ["h", "i"],
        "labels": {"kind": 1},
        "group": "ann",
        "rate": 8000,
        "snr": None,
    }
    assert parse(line) == Example(
        id="a",
        media="/corpus/wav/a.wav",
        length=1.5,
        text="hi",
        symbols=("h", "i"),
        labels={"kind": 1},
        group="ann",
        meta={"rate": 8000, "snr": None},
    )


def test_targets_may_be_missing_empty_or_null() -> None:
    assert parse(GOOD).text is None
    assert parse({**GOOD, "text": None, "group": None}).text is None
    empty = parse({**GOOD, "text": "", "symbols": []})
    assert (empty.text, empty.symbols) == ("", ())


@pytest.mark.parametrize(
    ("media", "resolved"),
    [
        ("a.wav", "/corpus/a.wav"),
        ("..a/b..wav", "/corpus/..a/b..wav"),
        ("x/../a.wav", "/corpus/a.wav"),
        ("s3://bucket/a.wav", "s3://bucket/a.wav"),
        ("simplecache::https://host/a.wav", "simplecache::https://host/a.wav"),
        ("file:///elsewhere/a.wav", "file:///elsewhere/a.wav"),
        ("Füße – α.wav", "/corpus/Füße – α.wav"),
    ],
)
def test_media(media: str, resolved: str) -> None:
    assert parse({**GOOD, "media": media}).media == resolved


BAD_LINES = {
    b"": "(no id): not JSON",
    b'{"id": "a", ': "(no id): not JSON",
    b'{"id": "a", "media": "a.wav", "duration": NaN}': "(no id): not JSON",
    b"\xff\xfe{}": "(no id): not JSON",
    b"[1, 2]": "not a JSON object",
    b'"a"': "not a JSON object",
    b"null": "not a JSON object",
    b'{"media": "a.wav", "duration": 1}': "no `id`",
    b'{"id": "", "media": "a.wav", "duration": 1}': "`id` is ''",
    b'{"id": "a\\nb", "media": "a.wav", "duration": 1}': "`id` is 'a\\nb'",
    b'{"id": 7, "media": "a.wav", "duration": 1}': "`id` is 7: give a string",
    b'{"id": "a", "duration": 1}': "a: no `media`: name the file",
    b'{"id": "a", "audio_filepath": "a.wav", "duration": 1}': "looks like NeMo: `scansion prepare convert`",
    b'{"id": "a", "media": "", "duration": 1}': "a: no `media`",
    b'{"id": "a", "media": ["a.wav"], "duration": 1}': "`media` is ['a.wav']: give a string",
    b'{"id": "a", "media": "/etc/a.wav", "duration": 1}': "leaves the manifest's folder",
    b'{"id": "a", "media": "../a.wav", "duration": 1}': "leaves the manifest's folder",
    b'{"id": "a", "media": "..", "duration": 1}': "leaves the manifest's folder",
    b'{"id": "a", "media": "x/../../a.wav", "duration": 1}': "leaves the manifest's folder",
    b'{"id": "a", "media": "a\\u0000.wav", "duration": 1}': "leaves the manifest's folder",
    b'{"id": "a", "media": "a.wav"}': "neither `duration` nor `length`",
    b'{"id": "a", "media": "a.wav", "duration": null}': "neither `duration` nor `length`",
    b'{"id": "a", "media": "a.wav", "duration": 1, "length": 9}': "both `duration` and `length`",
    b'{"id": "a", "media": "a.wav", "duration": 0}': "`duration` is 0: give a number of seconds above 0",
    b'{"id": "a", "media": "a.wav", "duration": -1.5}': "`duration` is -1.5",
    b'{"id": "a", "media": "a.wav", "duration": 1e300}': "`duration` is 1e+300",
    b'{"id": "a", "media": "a.wav", "duration": "1.5"}': "`duration` is '1.5'",
    b'{"id": "a", "media": "a.wav", "duration": true}': "`duration` is True",
    b'{"id": "a", "media": "a.wav", "length": [9]}': "`length` is [9]: give a number of frames above 0",
    b'{"id": "a", "media": "a.wav", "duration": 1, "text": 5}': "`text` is 5: give a string",
    b'{"id": "a", "media": "a.wav", "duration": 1, "group": 5}': "`group` is 5: give a string",
    b'{"id": "a", "media": "a.wav", "duration": 1, "symbols": "h i"}': "`symbols` is 'h i': give a list",
    b'{"id": "a", "media": "a.wav", "duration": 1, "symbols": ["h", ""]}': "`symbols` is ['h', '']",
    b'{"id": "a", "media": "a.wav", "duration": 1, "symbols": ["h", 1]}': "`symbols` is ['h', 1]",
    b'{"id": "a", "media": "a.wav", "duration": 1, "labels": [1]}': "`labels` is [1]: give an object",
}


@pytest.mark.parametrize("raw", BAD_LINES)
def test_bad_lines(raw: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_example(raw, "m.jsonl:7", "/corpus")
    message = str(caught.value)
    assert message.startswith("m.jsonl:7: ")
    assert BAD_LINES[raw] in message
    assert "\n" not in message
    assert message.count(": ") >= 3, "file:line: id: what: remedy"


def test_record_is_parse_backwards() -> None:
    line = {**GOOD, "text": "hi", "symbols": ["h", "i"], "labels": {"kind": 1}, "group": "ann", "rate": 8000}
    assert example_record(parse(line), "/corpus") == line
    frames = {"id": "a", "media": "s3://b/a.npy", "length": 140}
    assert example_record(parse(frames), "/corpus/", "frames") == frames
    assert isinstance(example_record(parse(frames), "/corpus", "frames")["length"], int)


def test_media_outside_the_folder_become_urls_that_can_be_read_back() -> None:
    record = example_record(parse(GOOD), "/corpus/wav/deeper")
    assert record["media"] == "file:///corpus/wav/a.wav"
    assert parse(record).media == record["media"]
    assert example_record(Example("a", "/corpus-2/a.wav", 1.0), "/corpus")["media"] == "file:///corpus-2/a.wav"


def test_meta_hides_no_key() -> None:
    with pytest.raises(ValueError, match="a: meta has `text`"):
        example_record(Example("a", "/corpus/a.wav", 1.0, meta={"text": "x"}), "/corpus")
