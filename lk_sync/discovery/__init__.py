"""Discovery: what in an unknown base is probably what we need, and how would its description begin?"""
