"""Recorded letters: what is read is what was recorded, and what is wrong is told with file and line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.speller.clips import digest, read_clips, require_signers
from project.feature.landmark_layout import BLOCKS, NUM_POINTS


def test_clips_are_cut_out_of_their_files(letters: Any) -> None:
    clips = read_clips(letters.path, 25)
    assert [(clip.id, clip.signer, clip.label) for clip in clips.values()] == [
        *(("ann_A", "ann", "A"), ("ann_B", "ann", "B"), ("ann_C", "ann", "C")),
        *(("bob_A", "bob", "A"), ("bob_B", "bob", "B"), ("bob_C", "bob", "C"), ("bob_Ä", "bob", "Ä")),
        *(("eve_A", "eve", "A"), ("eve_B", "eve", "B")),
    ]
    for number, (name, clip) in enumerate(clips.items(), start=1):
        assert name == clip.id
        step = 2 if clip.signer == "bob" else 1  # recorded at 50 frames a second
        expected = number + np.arange(0, 10 + number, step)[: round((10 + number) / step)] / 64
        np.testing.assert_array_equal(clip.points_TPX[:, 530, 1], expected)
        assert clip.points_TPX.dtype == np.float32
        assert np.isnan(clip.points_TPX[:, BLOCKS["left_hand"]]).all()
        assert np.isfinite(clip.points_TPX[:, BLOCKS["pose"]]).all()


def test_another_frame_rate_has_other_frames(letters: Any) -> None:
    slow, fast = read_clips(letters.path, 25), read_clips(letters.path, 50)
    for name in slow:
        assert len(fast[name].points_TPX) == pytest.approx(2 * len(slow[name].points_TPX), abs=1)
        np.testing.assert_array_equal(
            fast[name].points_TPX[::2][: len(slow[name].points_TPX)],
            slow[name].points_TPX[: len(fast[name].points_TPX)],
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, r"\(no id\): `id` is None: restore"),
        ({"signer": 3}, "ann_B: `signer` is 3"),
        ({"label": None}, "ann_B: `label` is None"),
        ({"start": 1.5}, r"ann_B: `start` is 1\.5"),
        ({"n_frames": "12"}, "ann_B: `n_frames` is '12'"),
        ({"fps": "25"}, "ann_B: `fps` is '25'"),
        ({"fps": 0}, "ann_B: `fps` is 0: give frames a second, 1 to 1000"),
        ({"start": 30}, r"ann_B: frames 30 to 42 are not in .*clips_ann\.npz, which has 36: restore"),
        ({"start": -1}, "ann_B: frames -1 to 11 are not in"),
        ({"n_frames": 0}, "ann_B: frames 11 to 11 are not in"),
        ({"id": "ann_A"}, "ann_A: the id stands twice: leave one"),
        ({"path": "none.npz"}, r"none\.npz: no readable landmarks \(.*No such file.*\): restore the folder"),
    ],
)
def test_a_wrong_line_is_told(letters: Any, changes: dict[str, Any], words: str) -> None:
    letters.change("manifest.jsonl", 2, changes)
    with pytest.raises(InputError, match=rf"manifest\.jsonl:2: {'.*' if 'none' in words else ''}{words}") as told:
        read_clips(letters.path, 25)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{'id': 1}", "not JSON, .*: mend the line"),
        ("", "not JSON"),
        ("[1, 2]", "not a JSON object: mend the line"),
        ("\udce4", "not JSON"),
    ],
)
def test_what_is_no_line_is_told(letters: Any, line: str, words: str) -> None:
    path = letters.path / "manifest.jsonl"
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(f"{first}\n{line}\n{rest}", encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=rf"manifest\.jsonl:2: {words}"):
        read_clips(letters.path, 25)


def test_damaged_recordings_are_told(letters: Any) -> None:
    path = letters.path / "clips_bob.npz"
    whole = path.read_bytes()
    for content in (b"nothing", b"", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"manifest\.jsonl:4: .*clips_bob\.npz: no readable landmarks .*: restore"):
            read_clips(letters.path, 25)
    np.savez(path, points=np.zeros((5, NUM_POINTS, 3)))
    with pytest.raises(InputError, match=r"clips_bob\.npz: no readable landmarks .*xyz"):
        read_clips(letters.path, 25)
    np.savez(path, xyz=np.zeros((5, 3, NUM_POINTS)))
    with pytest.raises(InputError, match=r"manifest\.jsonl:4: .*clips_bob\.npz: `xyz` has the shape \(5, 3, 543\)"):
        read_clips(letters.path, 25)


def test_a_folder_without_clips_is_told(letters: Any) -> None:
    letters.write("manifest.jsonl", [])
    with pytest.raises(InputError, match=r"manifest\.jsonl: it names no clip: restore the folder"):
        read_clips(letters.path, 25)
    with pytest.raises(InputError, match=r"nowhere/manifest\.jsonl: not readable .*: correct the key `folder`"):
        read_clips(letters.path / "nowhere", 25)


def test_who_is_left_out_must_be_there(letters: Any) -> None:
    clips = read_clips(letters.path, 25)
    require_signers([], clips)
    require_signers(["eve", "ann"], clips)
    for wrong in (["eve", "evi"], "eve"):
        with pytest.raises(InputError, match=r"corpus\.leave_out: nobody is called 'ev?i?': choose from ann, bob, eve"):
            require_signers(wrong, clips)


def test_other_recordings_have_another_digest(letters: Any) -> None:
    clips = read_clips(letters.path, 25)
    assert digest(clips) == digest(dict(reversed(read_clips(letters.path, 25).items())))
    found = {digest(clips), digest(clips, [{"id": "a"}]), digest({name: clips[name] for name in list(clips)[1:]})}
    letters.change("manifest.jsonl", 2, {"n_frames": 11})
    found.add(digest(read_clips(letters.path, 25)))
    letters.change("manifest.jsonl", 2, {"n_frames": 12, "label": "X"})
    found.add(digest(read_clips(letters.path, 25)))
    assert len(found) == 5


def test_the_real_recordings_are_whole(recorded_letters: Any) -> None:
    clips = read_clips(recorded_letters, 25)
    assert len(clips) == 497
    assert len({clip.signer for clip in clips.values()}) == 16
    assert len({(clip.signer, clip.label) for clip in clips.values()}) == 497, "a letter is recorded once by a signer"
    for clip in clips.values():
        assert np.isfinite(clip.points_TPX[:, [11, 12]]).all()
        hands = [np.isfinite(clip.points_TPX[:, BLOCKS[hand]]).all(axis=(1, 2)) for hand in ("left_hand", "right_hand")]
        assert (hands[0] | hands[1]).any()
