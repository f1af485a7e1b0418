"""Tests of replaying past sessions."""
