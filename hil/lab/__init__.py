"""A lab of many boards: labgrid's coordinator and exporters, and a keeper that leases boards and takes them back."""
