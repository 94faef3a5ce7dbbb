"""Example scenarios, each headed by what it shows."""
