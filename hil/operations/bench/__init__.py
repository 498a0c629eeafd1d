"""Figures that can be compared: contenders take turns in one run, and instructions are counted, not timed."""
