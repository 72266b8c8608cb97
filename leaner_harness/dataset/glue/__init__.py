"""Algorithm 2: items of GLUE made simpler, and kept where a judge still gives their label."""
