"""The clients of `make bench-pools`: each is a program whose argument is its job as JSON."""
