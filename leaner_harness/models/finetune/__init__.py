"""Fine-tuned LEANER-GLUE as an lm-eval model type: a classifier per task answers."""
