"""How weights are changed, where torch.optim alone does not say it."""
