"""What an experiment found, from the files it keeps: as Markdown, as a page, and as JSON."""
