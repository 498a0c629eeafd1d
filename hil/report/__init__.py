"""What people and machines read about a run; made from its record alone."""
