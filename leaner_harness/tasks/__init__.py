"""lm-eval task folders: LEANER-GLUE on published rows and on the embedded mini set."""
