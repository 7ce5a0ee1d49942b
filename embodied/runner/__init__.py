"""Runs batches of episodes."""
