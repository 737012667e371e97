"""Texts as points: near ones mean much the same. Topics and intents are read from them."""
