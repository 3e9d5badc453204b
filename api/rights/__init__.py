"""Reading rights and money: ancestry, royalties, licenses, sales, payments, sessions and disputes, from the index."""
