"""The clients that are compared: each module is a process that runs one cell."""
