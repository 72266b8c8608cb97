"""Rewriters that ship: a model over HTTP, recorded replies, and the text itself."""
