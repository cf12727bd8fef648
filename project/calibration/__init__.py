"""How large batches may be on a device: found by making real steps with them."""
