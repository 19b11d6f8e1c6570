"""PostgreSQL, for whom one machine is too small: how is it reached, and how are its words told?"""
