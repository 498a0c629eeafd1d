"""What a board file may hold: for people, for the documentation, and as a JSON Schema for editors."""
