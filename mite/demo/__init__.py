"""The embedded target: a small shop to load, and an outside witness of what reached it.

`shop` holds the goods and the baskets, `traffic` counts requests, `app` answers them, `server`
serves the app with Granian, `target` is the whole of it running, `command` is what the CLI calls.
Needs the extra `demo`.
"""
