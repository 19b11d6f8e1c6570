"""Microsoft SQL Server 2016 and later, through FreeTDS or Microsoft's ODBC Driver 18."""

from connectors.odbc.mssql.dialect import SqlServer

__all__ = ["SqlServer"]
