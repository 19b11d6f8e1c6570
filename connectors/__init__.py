"""Ways of reaching an accounting system, one folder each."""
