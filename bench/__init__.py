"""The side-by-side benchmark of acurl and its peers; README.md says how to read its table."""
