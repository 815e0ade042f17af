"""What the repository says of itself: its imports, its drawing, its schemas, its tables."""
