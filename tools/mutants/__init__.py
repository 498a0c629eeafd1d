"""Breaks the service and the framework on purpose, and counts what notices; see docs/nightly.md."""
