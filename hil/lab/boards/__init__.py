"""What is known of boards without disturbing them: whether they can be used, and who uses them."""
