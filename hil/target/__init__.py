"""What runs on the target, as Python sees it: monitor, vTPM service, TPM, crashes. Nothing here knows labgrid."""
