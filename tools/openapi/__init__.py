"""OpenAPI documents: loading, references, `allOf`, and the vendored files."""
