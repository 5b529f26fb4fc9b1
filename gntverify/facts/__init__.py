"""Facts: what a node answers, as values. One file a subject: commands, parser, reader."""
