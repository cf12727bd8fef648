"""The composition root: with the verbs, the only place that knows Hydra and OmegaConf.

compose: command line and conf/ -> a plain dictionary. bind: dictionary -> objects. assemble: objects -> an experiment.
"""
