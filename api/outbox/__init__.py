"""Events leave in the transaction that they report: written beside it, published once it has committed."""
