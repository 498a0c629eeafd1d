"""One run of tests: the pytest plugin, and the scheduler that distributes a run over boards."""
