"""MiniWoB++: small web pages, played in a real browser."""
