"""Everything that needs PyTorch: encoder, loss, training loop and export to ONNX."""
