"""Speaks to the firmware on a target: the monitor, the vTPM service, TPMs, crash dumps. Independent of labgrid."""
