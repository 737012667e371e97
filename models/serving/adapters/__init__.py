"""One module for each model: how the server loads it, runs it and joins its answers.

A module is imported when its model is loaded, so that a server without it doesn't need its code.
"""
