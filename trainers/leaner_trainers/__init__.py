"""leaner-trainers: trains tiny language models as a plugin of leaner-harness."""

__version__ = "0.1.0"
