"""Trained recognizers in forms that others run: packages, ONNX files, TorchScript."""
