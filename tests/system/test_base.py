"""What every system shares: which weights an optimizer may treat how."""

from __future__ import annotations

from project.build.assemble import build_recognizer
from project.contract import Config


def test_inner_matrices_edges_and_vectors_are_groups_of_their_own(config: Config) -> None:
    system = build_recognizer(config, training=False).system
    inner, outer, vectors = system.parameter_groups()
    names = {id(parameter): name for name, parameter in system.named_parameters()}
    spelled = [{names[id(one)] for one in group["params"]} for group in (inner, outer, vectors)]
    assert inner["inner"] is True
    assert spelled[0] == {f"model.blocks.{block}.{part}.weight" for block in range(2) for part in ("look", "mix")}
    assert spelled[1] == {"model.enter.weight", "model.head.weight"}
    assert vectors["weight_decay"] == 0
    assert set.union(*spelled) == set(names.values())
