"""A client for servers of language models."""
