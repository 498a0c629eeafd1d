"""A lab of many boards: labgrid's coordinator and exporters, and a keeper that sees to it that leases end."""
