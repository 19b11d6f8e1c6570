"""MariaDB 10.5 and later, through MariaDB Connector/ODBC."""

from connectors.odbc.mariadb.dialect import MariaDb

__all__ = ["MariaDb"]
