"""The probe guest: an OS definition of the project's own, and what its guests run."""
