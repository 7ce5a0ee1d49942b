"""The policies that come with the framework."""
