"""OData of 1C: the standard interface of a 1C base over HTTPS."""
