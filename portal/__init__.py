"""What subscribers see: a light server over the cache (read only) and the store."""
