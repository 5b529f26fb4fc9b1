"""Builds Ganeti clusters by the deployment notes, and the lab they can stand on."""
