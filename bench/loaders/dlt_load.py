"""Run in dlt's own environment: the charges by dlt's own SQL source into SQLite.

python dlt_load.py URL TARGET BACKEND FOLDER
"""

import sys

import dlt
from dlt.sources.sql_database import sql_table

url, target, backend, folder = sys.argv[1:]
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir=folder,
    destination=dlt.destinations.sqlalchemy(f"sqlite:///{target}"),
    dataset_name="main",
)
table = sql_table(credentials=url, table="charges", schema="public", backend=backend, chunk_size=50_000)
print(pipeline.run(table, write_disposition="replace"))
