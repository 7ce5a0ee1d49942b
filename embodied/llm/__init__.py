"""Talking to servers of language models."""
