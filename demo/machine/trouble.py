"""Trouble: what stops the preparation, in a sentence for the person at the terminal?"""


class Trouble(Exception):
    """`str()` says what happened and what to do."""
