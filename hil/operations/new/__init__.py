"""`hil new`: writes files to start from."""
