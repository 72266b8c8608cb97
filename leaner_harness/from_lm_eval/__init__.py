"""From a run of lm_eval to a result: refuse what is partial, recompute from the samples."""
