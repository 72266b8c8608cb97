"""Rewriters that ship: a model over HTTP, recorded replies, the text itself, and `rules`."""
