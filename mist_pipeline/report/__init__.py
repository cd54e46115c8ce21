"""The daily report: templates, charts, renderers. Frames in, files out."""
