"""Board files read as a person wrote them: every mistake with its line, its key and the nearest valid name."""
