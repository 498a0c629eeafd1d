"""One board: its file, its drivers and states, its media, SSH, and snapshots of it."""
