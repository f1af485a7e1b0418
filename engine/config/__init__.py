"""Configuration: every key, where its value came from, and what is wrong with a bad one."""
