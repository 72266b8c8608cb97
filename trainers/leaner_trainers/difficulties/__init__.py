"""How hard a document is to learn: of its text, or of a model's loss on it."""
