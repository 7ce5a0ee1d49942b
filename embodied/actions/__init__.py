"""The action formats: how a policy's message becomes something that runs."""
