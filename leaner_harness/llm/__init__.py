"""One engine for every call of a language model over HTTP: cached, bounded, honest."""
