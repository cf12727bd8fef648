"""scansion's own recognizer as one of the decoders: a run, rebuilt from its folder alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from project.benchmark.morse.conditions import Recording
from project.benchmark.morse.peers import ONE_BY_ONE, Decoded
from project.build.assemble import Recognizer
from project.build.restore import changed, restore
from project.contract import Batch
from project.run import Run

BATCH = 32
IN_BATCHES = f"in batches of {BATCH}"


class Scansion:
    """Reading, feature, model and decoding on the CPU; rebuilding the run is not counted."""

    name = "scansion"
    most_files = None

    def __init__(self, folder: str) -> None:
        self.run = Run.open(folder)
        config = changed(self.run.config(), threads=torch.get_num_threads())  # the benchmark's, not the training's
        self.recognizer = restore(self.run, config)
        self.decoder = str(config["decode"]["_target_"]).rpartition(".")[2]

    def why_absent(self) -> str | None:
        return None

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        """Texts are those of recordings taken one by one; a note says if batches change any."""
        recognize(self.recognizer, recordings[:1])  # what is done once is done
        singles = list(range(len(recordings)))
        alone, seconds_alone = in_turn(self.recognizer, recordings, [[place] for place in singles])
        by_length = sorted(singles, key=lambda place: recordings[place].seconds)
        batches = [by_length[start : start + BATCH] for start in range(0, len(by_length), BATCH)]
        together, seconds_together = in_turn(self.recognizer, recordings, batches)
        changed = sum(one != other for one, other in zip(alone, together, strict=True))
        notes = [f"scansion: run {self.run.name}, its best checkpoint, decoder {self.decoder}"]
        if changed:
            notes.append(f"scansion: {changed} of {len(alone)} texts differ in batches; CER is that of single ones")
        return Decoded(alone, {ONE_BY_ONE: seconds_alone, IN_BATCHES: seconds_together}, notes)


def in_turn(
    recognizer: Recognizer, recordings: Sequence[Recording], batches: Sequence[Sequence[int]]
) -> tuple[list[str], float]:
    """The texts of all recordings in their order, and CPU seconds, for these batches of places."""
    texts = [""] * len(recordings)
    started = time.process_time()
    for places in batches:
        for place, text in zip(places, recognize(recognizer, [recordings[place] for place in places]), strict=True):
            texts[place] = text
    return texts, time.process_time() - started


def recognize(recognizer: Recognizer, recordings: Sequence[Recording]) -> list[str]:
    """The texts of one batch, by the same steps as in evaluation."""
    feature = recognizer.feature
    frames = [feature(feature.read(str(recording.path))) for recording in recordings]
    batch = Batch(
        ids=tuple(recording.path.stem for recording in recordings),
        signals_BTF=torch.nn.utils.rnn.pad_sequence(frames, batch_first=True),
        lengths_B=torch.tensor([len(one) for one in frames]),
        targets={},
        references=("",) * len(recordings),
    )
    with torch.inference_mode():
        _, hypotheses = recognizer.system.predict(batch)
    return [hypothesis.text for hypothesis in hypotheses]
