"""Accounting systems that keep their books in an SQL server, reached through its ODBC driver."""
