"""Applications as strangers write them: each file is one, and uses nothing but what the documents name."""
