"""Benchmarks with comparable figures: implementations take turns in one run; instructions are counted, not timed."""
