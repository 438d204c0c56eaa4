"""The Update Framework: who may say which files exist (specification 1.0.34, clauses 4 and 5)."""
