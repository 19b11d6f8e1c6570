"""Notices: what happens that a subscriber should be told of, and who finds it out?"""
