"""PostgreSQL 13 and later, through psqlODBC."""

from connectors.odbc.postgresql.dialect import PostgreSQL

__all__ = ["PostgreSQL"]
