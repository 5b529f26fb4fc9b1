"""Drills: what disrupts a cluster, with proof that nothing is left behind."""
