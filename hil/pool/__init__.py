"""Runs suites on several boards at once, one process per board, with one record of it all."""
