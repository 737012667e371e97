"""Sentiment of customer text: negative, neutral or positive, with calibrated scores.

Serving needs `predictor` only (onnxruntime, tokenizers, numpy). PyTorch is imported nowhere outside
the `training` package.
"""
