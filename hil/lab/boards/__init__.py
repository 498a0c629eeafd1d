"""What can be known of boards without touching them: whether they can be had, who has them, what they last did."""
