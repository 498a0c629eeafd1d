"""The documentation site: pages that are made from code, and links that hold in the site and in the tree."""
