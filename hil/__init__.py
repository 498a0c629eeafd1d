"""Hardware-in-the-loop tests for firmware with a vTPM service at EL3, on ARMv8-A boards."""
