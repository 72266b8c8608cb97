"""Where benchmark rows and training text come from."""
