"""Example journeys, each headed by what it shows."""
