"""Acceptance tests, compliance reports and restore drills for Ganeti clusters."""
