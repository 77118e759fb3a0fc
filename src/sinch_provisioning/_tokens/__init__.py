"""OAuth2 tokens: fetched, shared, renewed early, dropped when refused."""
