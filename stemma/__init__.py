"""The kernel that every service of Stemma stands on. It imports no service."""
