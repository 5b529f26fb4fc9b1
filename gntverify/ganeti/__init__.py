"""What Ganeti answers: one file a subject, with its commands, parser and reader."""
