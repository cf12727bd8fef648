"""CTC with a visual alignment constraint: what looks at single moments learns to recognize without its sequence layers.

After Min et al., Visual Alignment Constraint for Continuous Sign Language Recognition (ICCV 2021).
"""

from __future__ import annotations

from project.contract import Batch, Emissions, InputError, Terms
from project.loss.ctc import CTC
from project.loss.divergence import divergence, matched, mean_of_frames
from project.padding import inside


class VisualAlignmentCTC:
    """The terms of CTC for the sequence head, `auxiliary`, CTC for the head below the sequence layers, and `alignment`.

    Sequence layers are strong enough to learn sentences by heart over frames that say little. So the frames' own head
    is taught twice: by the symbols, and by the sequence head, which knows where they are. `alignment` is how far the
    frames' head is from the sequence head, KL at a temperature; mean over frames, then over examples. The sequence
    head is the teacher there and does not learn from it. As in the authors' code, blank is left out of that comparison
    unless `blank` is set: it would be nearly all of it.
    """

    hears_auxiliary = True

    def __init__(self, ctc: CTC, temperature: float = 8.0, blank: bool = False) -> None:
        if temperature <= 0:
            raise InputError(f"loss.temperature is {temperature:g}: give a number above 0")
        self._ctc = ctc
        self._temperature = temperature
        self._blank = blank

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        if output.auxiliary is None:
            raise InputError(
                "loss=ctc_vac: the model has no head below its sequence layers: set model.auxiliary=true, or "
                "loss=ctc weighting=fixed"
            )
        auxiliary = self._ctc(output.auxiliary, batch)["ctc"]
        teacher_BTV, student_BTV, lengths_B = matched(output, output.auxiliary)
        first = 0 if self._blank else 1  # blank is symbol 0
        values_BT = divergence(teacher_BTV[..., first:].detach(), student_BTV[..., first:], self._temperature)
        alignment = mean_of_frames(values_BT, inside(lengths_B, values_BT.shape[1]).float())
        return self._ctc(output, batch) | {"auxiliary": auxiliary, "alignment": alignment}
