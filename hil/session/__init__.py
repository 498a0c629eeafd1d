"""One run of tests: the pytest plugin, and the scheduler that spreads a run over boards."""
