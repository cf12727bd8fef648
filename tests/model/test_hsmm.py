"""Reading without learning: exact against every sequence there is, and right on Morse that was made for it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from project import train
from project.build.compose import compose
from project.contract import Batch, Config, InputError
from project.corpus.keyer.channel import Channel, Sound
from project.corpus.keyer.fist import Keying, Sender
from project.corpus.keyer.station import plan, render
from project.decode.greedy import Greedy
from project.feature.timing import TimingPrior, runs, states_of
from project.feature.tone_envelope import ToneEnvelope
from project.model.hsmm import Durations, Hsmm, Rhythm, best_states, durations_of, log_odds, rhythm_of
from project.run import Run
from project.scoring.reports import score
from project.system.weights import load_weights
from project.text.alphabet import Alphabet

PLAIN = Alphabet(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "))
TEXT = "CQ CQ DE 5B4AGN PSE K THE QUICK BROWN FOX 1639 JUMPS OVER 2780 LAZY DOGS"
RATE = 4000
BY_THE_BOOK = (1.0, 3.0, 1.0, 3.0, 7.0)


def sound(wpm: float, snr_db: float, weight: float = 0.0, text: str = TEXT, seed: int = 0) -> Sound:
    """A machine's sending over a channel with white noise alone."""
    rng = np.random.default_rng(seed)
    parts = ("drift", "fading", "pink", "crashes", "neighbours", "narrow", "levelled", "clicks", "restarts")
    channel = Channel(snr_db=(snr_db, snr_db), faintest_dit_db=None, **dict.fromkeys(parts, 0.0))
    sender = Sender("machine", wpm, BY_THE_BOOK, (0.0,) * 5, weight)
    return render(plan(text, sender, channel, RATE, rng), Keying(), channel, RATE, rng)


def hsmm(num_features: int = 7, alphabet: Alphabet = PLAIN) -> Hsmm:
    return Hsmm(num_features, len(alphabet), alphabet)


def batch_of(*signals_TF: torch.Tensor) -> Batch:
    lengths = torch.tensor([len(signal_TF) for signal_TF in signals_TF])
    padded_BTF = torch.nn.utils.rnn.pad_sequence(list(signals_TF), batch_first=True)
    return Batch(("a",) * len(lengths), padded_BTF, lengths, {}, ("",) * len(lengths))


def read(*sounds: Sound) -> list[str]:
    feature = ToneEnvelope()
    return [found.text for found in Greedy(PLAIN)(hsmm()(batch_of(*map(feature, sounds))))]


def score_of(states: tuple[int, ...], odds_T: NDArray[np.float64], durations: Durations) -> float:
    """What a sequence of states is worth, reckoned run by run; silence before the first mark and after the last: 0."""
    total, position = 0.0, 0
    pieces = [(state, len(list(group))) for state, group in itertools.groupby(states)]
    for place, (state, length) in enumerate(pieces):
        if state:
            listed = length <= len(durations.marks_D)
            total += odds_T[position : position + length].sum()
            total += durations.marks_D[length - 1] if listed else -np.inf
        elif 0 < place < len(pieces) - 1:
            total += durations.gaps_D[min(length, len(durations.gaps_D)) - 1]
        position += length
    return float(total)


@pytest.mark.parametrize("seed", range(12))
def test_no_sequence_of_states_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    odds_T = 3 * rng.standard_normal(count)
    if seed % 2:
        durations = durations_of(TimingPrior(), Rhythm(float(rng.uniform(0.7, 1.2)), 0.7, int(rng.integers(-1, 2))))
    else:
        marks_D, gaps_D = -rng.exponential(2, int(rng.integers(1, 6))), -rng.exponential(2, int(rng.integers(1, 6)))
        durations = Durations(marks_D, gaps_D, np.ones(0, np.int64), np.ones(0, np.int64))
    best = max(score_of(states, odds_T, durations) for states in itertools.product((0, 1), repeat=count))
    found_T, claimed = best_states(odds_T, durations)
    assert score_of(tuple(found_T.astype(int).tolist()), odds_T, durations) == pytest.approx(best)
    assert claimed == pytest.approx(best)


def test_lengths_are_log_normal_around_one_three_seven() -> None:
    durations = durations_of(TimingPrior(), Rhythm(unit=6.0, stretch=1.5, weight=0))
    assert len(durations.marks_D) == 54
    assert len(durations.gaps_D) == 63
    for length, units, nominal, spread in ((5, 1, 6, 0.2), (20, 3, 18, 0.2)):
        assert durations.mark_units_D[length - 1] == units
        deviation = np.sqrt(spread**2 + 1 / 6 / nominal**2)
        density = norm.logpdf(np.log(length), np.log(nominal), deviation) - np.log(length)  # of frames
        assert durations.marks_D[length - 1] == pytest.approx(density + np.log(0.6 if units == 1 else 0.4), abs=0.03)
    assert [int(durations.gap_units_D[length - 1]) for length in (6, 27, 63)] == [1, 3, 7]
    heavy = durations_of(TimingPrior(), Rhythm(unit=6.0, stretch=1.5, weight=2))
    assert heavy.marks_D[7] == durations.marks_D[5]
    assert heavy.gaps_D[3] == durations.gaps_D[5]


def test_levels_part_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    levels_T = np.concatenate([rng.normal(0.2, 0.05, 900), rng.normal(0.8, 0.05, 100)])
    odds_T = log_odds(levels_T)
    assert odds_T[:900].max() < 0 < odds_T[900:].min()
    density = norm.logpdf(levels_T, 0.8, 0.05) - norm.logpdf(levels_T, 0.2, 0.05)
    np.testing.assert_allclose(odds_T, density, rtol=0.2, atol=6)
    assert np.isfinite(log_odds(np.zeros(5))).all()
    assert len(log_odds(np.zeros(0))) == 0


@pytest.mark.parametrize("weight", [-3, 0, 2])
def test_unit_stretch_and_weight_are_found(weight: int) -> None:
    lengths_R = np.array([30, *[8, 8, 24, 8, 8, 36, 8, 36, 24, 8, 24, 84] * 4, 8, 50])
    marks_R = np.arange(len(lengths_R)) % 2 == 1
    shifted_R = lengths_R + np.where(marks_R, weight, -weight)
    rhythm = rhythm_of(TimingPrior(), states_of(shifted_R, marks_R))
    assert rhythm.unit == pytest.approx(8, rel=0.08)
    assert rhythm.stretch == pytest.approx(1.5, rel=0.1)
    assert rhythm.weight == pytest.approx(weight, abs=1)


@pytest.mark.parametrize(
    ("wpm", "snr_db", "weight"), [(20, 40, 0), (35, 40, 0), (20, 10, 0), (35, 10, 0), (20, 20, -0.4), (20, 20, 0.4)]
)
def test_machines_are_read_without_error(wpm: float, snr_db: float, weight: float) -> None:
    assert read(sound(wpm, snr_db, weight)) == [TEXT]


def test_padding_and_neighbours_do_not_matter() -> None:
    sounds = [sound(20, 15), sound(30, 10, text="TEST DE 73"), sound(25, 5, text="K")]
    assert read(*sounds) == [text for one in sounds for text in read(one)]
    assert read(sounds[1]) == ["TEST DE 73"]


def test_nothing_is_written_of_silence() -> None:
    assert read(np.zeros(8000, dtype=np.float32)) == [""]


def test_symbols_stand_where_they_end_and_spaces_in_their_gaps() -> None:
    """Each is written in one frame, for places (time spans) are read from them."""
    states_T = states_of(np.array([9, 6, 6, 6, 18, 6, 42, 18, 20]), np.arange(9) % 2 == 1)  # "I E T"
    levels_T = np.where(states_T, 0.9, 0.1)
    ids = {symbol: number for number, symbol in enumerate(PLAIN.symbols, start=1)}
    assert hsmm().written(levels_T) == [(26, ids["I"]), (50, ids["E"]), (71, ids[" "]), (110, ids["T"])]


def test_unknown_codes_are_cut_at_their_longest_gap() -> None:
    few = Alphabet(("A", "N"))
    model = Hsmm(2, len(few), few)
    assert model._spell(".--.", [0, 10, 20, 30], [5, 6, 5]) == [(10, 1), (30, 2)]  # A N
    assert model._spell(".-.", [0, 10, 20], [5, 4]) == [(20, 2)], "a single mark that nothing stands for is dropped"


def test_what_it_cannot_be_built_for_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.column"):
        Hsmm(2, len(PLAIN), PLAIN, column=2)
    with pytest.raises(InputError, match="Morse code"):
        hsmm(2, Alphabet(("yes", "no")))


def test_it_is_fast() -> None:
    batch = batch_of(ToneEnvelope()(sound(20, 10)))
    model = hsmm()
    started = time.perf_counter()
    model(batch)
    assert batch.signals_BTF.shape[1] / 100 > 100 * (time.perf_counter() - started)


@pytest.fixture
def experiment(morse: Path, tmp_path: Path) -> Config:
    manifests = [f"data.manifest.{part}={morse}/{part}.jsonl" for part in ("train", "dev", "test")]
    return compose("train", ["experiment=morse/hsmm", *manifests, "data.workers=0", f"runs={tmp_path}/runs"])


def test_its_run_is_one_validation(experiment: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to train: figures and checkpoints are there, the run is finished, found again, and can be evaluated."""
    assert train.train(experiment, []) == 0
    told = capsys.readouterr()
    run = Run(Path(told.out.strip()))
    assert run.state()["state"] == "finished"
    assert run.state()["step"] == 0
    assert [step for step, _ in run.curves()["dev/cer"]] == [0]
    assert "dev/cer" in told.err
    recognizer = train.build(experiment)
    for file in (run.best, run.last):
        load_weights(recognizer.system, file)
    assert train.train(experiment, []) == 0
    assert "has run already" in capsys.readouterr().err
    report = score(run, compose("evaluate", [f"run={run.folder}"]))
    assert len(report.rows) == 7


def test_runs_of_marks_and_gaps_alternate() -> None:
    """What the search returns is again a sequence of runs, none longer than a mark may be."""
    durations = durations_of(TimingPrior(), Rhythm(2.0, 1.0, 0))
    lengths_R, marks_R = runs(best_states(np.full(100, 2.0), durations)[0])
    assert lengths_R[marks_R].max() <= len(durations.marks_D)
