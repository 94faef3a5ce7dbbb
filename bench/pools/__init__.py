"""The benchmark of connection pools, as the server sees them: bench/README.md explains it."""
