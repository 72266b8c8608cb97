"""The seven genres of pre-training text, one writer each."""
