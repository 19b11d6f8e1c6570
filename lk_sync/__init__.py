"""The core: records, cache, store and the flow between an accounting system and its subscribers."""
