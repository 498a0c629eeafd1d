"""Checks the language of the tree: spelling, words that the project does not use, and how Markdown is wrapped."""
