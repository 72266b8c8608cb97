"""How diverse two texts are: block entropies at equal sizes, types, coverage, compression."""
