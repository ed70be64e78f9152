"""What hostile clients do, as raw bytes, while an honest one is served."""
