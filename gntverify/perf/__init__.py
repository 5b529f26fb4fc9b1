"""Performance: what is measured several times, judged by its median, and kept."""
