"""The catalog by GraphQL, in the dialect of The Graph: a schema made of the declared views, compiled to SQL."""
