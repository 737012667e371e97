"""The MiniLM encoder that every model here stands on: tokens, network, ONNX graph, sessions.

`network` and `graph` need the dependency group "train"; the rest is what serving needs.
"""
