"""The cache: what the accounting system told us, rebuildable at any time, read by the portal only."""
