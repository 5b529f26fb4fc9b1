"""The backend against testinfra's own ways, against one real sshd, in one run."""
