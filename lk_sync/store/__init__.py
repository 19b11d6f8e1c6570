"""The store: what is ours alone and must never be lost or doubled. One noun = one .py and one .sql."""
