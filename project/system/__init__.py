"""Systems: the LightningModules that hold model, loss, weighting, decoder, metrics and optimizer."""
