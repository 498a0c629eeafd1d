"""Files to start from: a board, a suite."""
