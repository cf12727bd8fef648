"""Every hypothesis of conf binds, and what is wrong with one is told with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from project.build.bind import check
from project.build.claims import GROUP, read_claim, read_claims
from project.build.compose import CONF, options
from project.contract import InputError

SOUND = """
_target_: project.evaluation.hypotheses.claim.Claim
statement: It helps.
treatment:
  _target_: project.evaluation.hypotheses.claim.Selection
  where:
    lr: 1
baseline:
  _target_: project.evaluation.hypotheses.claim.Selection
primary:
  _target_: project.evaluation.hypotheses.claim.Aim
  metric: cer
  direction: lower
"""


@pytest.mark.parametrize("name", options(GROUP))
def test_every_hypothesis_binds_and_is_explained(name: str) -> None:
    file = CONF / GROUP / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert check(yaml.safe_load(text), "hypothesis") >= 4
    claim = read_claim(file)
    assert claim.statement.endswith(".")
    head = text.split("_target_")[0]
    assert head.startswith("# ")
    assert "# " in head.split("\n")[0]
    assert f"hypotheses={name}" in head
    for target in [line.split()[-1] for line in text.splitlines() if line.strip().startswith("_target_:")]:
        assert target.startswith("project.evaluation.hypotheses.claim.")


def test_there_are_some() -> None:
    assert len(options(GROUP)) >= 3
    assert list(read_claims("all")) == options(GROUP)
    assert list(read_claims("morse/beam")) == ["morse/beam"]
    assert read_claims([]) == {}


def test_own_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND)
    claims = read_claims([str(file), "morse/mask_weight"])
    assert [name.split("/")[-1] for name in claims] == ["mine", "mask_weight"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("statement:", "statment:", r"hypothesis.statment: .* did you mean statement\?"),
        ("direction: lower", "direction: down", "hypothesis.primary.direction: 'down' is not lower or higher"),
        ("  metric: cer\n", "", "hypothesis.primary.metric: .* needs it"),
        (
            "project.evaluation.hypotheses.claim.Claim",
            "project.evaluation.hypotheses.claim.Aim",
            "_target_: a hypothesis is a",
        ),
        ("claim.Aim", "claim.Margin", "hypothesis.primary.direction: .* takes no such key"),
        ("claim.Aim", "claim.Goal", "hypothesis.primary._target_: .* does not exist"),
        ("  where:\n    lr: 1\n", "", "treatment and baseline are the same runs"),
        ("statement: It", "statement: [It", "not readable as YAML"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND.replace(old, new))
    with pytest.raises(InputError, match=rf"mine\.yaml: {told}") as error:
        read_claims(str(file))
    assert "\n" not in str(error.value)


def test_unknown_names() -> None:
    with pytest.raises(InputError, match=r"hypotheses=morse/mask_wait: .* did you mean morse/mask_weight\?"):
        read_claims(["morse/mask_wait"])
    with pytest.raises(InputError, match=r"hypotheses=h1: no such hypothesis: choose from: .*morse/beam"):
        read_claims("h1")
    with pytest.raises(InputError, match=r"hypotheses=gone.yaml: no such file"):
        read_claims("gone.yaml")
