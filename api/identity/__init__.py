"""Who is calling: Sign-In with Ethereum in, short-lived access tokens out."""
