"""1C: the supplier's accounting system as its standard OData interface shows it, traps included."""
