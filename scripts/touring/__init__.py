"""The tour's parts: the chain, the people, their acts, the books that say beforehand what everyone must get."""
