"""Architectures: one module each, with `build(size, vocab_size)`; `sizes` finds their shapes."""
