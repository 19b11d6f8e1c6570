"""Accounting systems that keep their books in Firebird, reached through its own client library."""
