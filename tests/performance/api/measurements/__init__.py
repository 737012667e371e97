"""One module a measurement; `registry.py` names them."""
