"""Jobs that a person starts from the command line; each stands alone, and nothing below imports one."""
