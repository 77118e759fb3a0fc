"""Development tools: the generator's driver, the differ of documents, the guard of the public surface."""
