"""Everything that is to be learned on a GPU that is lent for minutes: ``python -m benchmarks.on_gpu``."""
