"""Training the `static` tier: distilled from the encoder into tables that numpy can add up.

Needs the dependency group "train". What answers with the result is `customerai_static`.
"""
