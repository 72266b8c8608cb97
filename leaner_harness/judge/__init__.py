"""Answers graded by a language model: grammar, coherence and specificity, from 0 to 5 each."""
