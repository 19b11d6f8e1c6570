"""The flow: one verb per file, from the accounting system to the cache and from subscribers back."""
