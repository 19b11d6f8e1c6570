"""What every SQL server has in common, whatever driver reaches it: pages, exact cells, one moment, schemas."""
