"""Published workflows made from their API files: texts, notes, links of files, places of nodes."""
